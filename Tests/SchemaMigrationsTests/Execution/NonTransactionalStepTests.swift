import Postgres
import SchemaMigrations
import TestSupport
import Testing

@Suite struct NonTransactionalStepTests {
    private let base = "CREATE TABLE t (id int); INSERT INTO t SELECT g % 50 FROM generate_series(1, 100) g;"
    private let index = "-- migrate: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id);"

    @Test func `a statement that fails leaves nothing behind and can be repeated`() async throws {
        try await withDatabase { database in
            let files = ["0001_base/up.sql": base, "0002_index/up.sql": index]
            let migrator = try migrator(files, on: database)
            let error = try #require(try await failure(migrator))
            #expect(error.code == .sqlFailed)
            #expect(error.description.contains("23505"))
            #expect(try await migrator.history().records.map(\.version.number) == [1])
            try await database.connect { connection in
                #expect(try await connection.value("SELECT to_regclass('t_id') IS NULL"))
                try await connection.query("DELETE FROM t a USING t b WHERE a.id = b.id AND a.ctid > b.ctid")
                #expect(try await migrator.up().completed.map(\.number) == [2])
                #expect(try await connection.value("SELECT indisvalid FROM pg_index WHERE indrelid = 't'::regclass"))
            }
        }
    }

    @Test func `an INVALID index left by a crash is built anew`() async throws {
        try await withDatabase { database in
            let files = ["0001_base/up.sql": "CREATE TABLE t (id int);", "0002_index/up.sql": index]
            let migrator = try migrator(files, on: database)
            _ = try await self.migratorOfBase(database).up()
            try await database.connect { connection in
                try await leaveIntent(of: migrator, connection)
                try await connection.execute(script: "INSERT INTO t VALUES (1), (1)")
                _ = try? await connection.execute(script: "CREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id)")
                #expect(
                    try await connection.value("SELECT NOT indisvalid FROM pg_index WHERE indrelid = 't'::regclass")
                )
                try await connection.execute(script: "TRUNCATE t")
                _ = try await migrator.up()
                #expect(try await connection.value("SELECT indisvalid FROM pg_index WHERE indrelid = 't'::regclass"))
            }
        }
    }

    @Test func `what had happened before a crash is not done again`() async throws {
        try await withDatabase { database in
            let files = ["0001_base/up.sql": "CREATE TABLE t (id int);", "0002_index/up.sql": index]
            let migrator = try migrator(files, on: database)
            _ = try await self.migratorOfBase(database).up()
            try await database.connect { connection in
                try await leaveIntent(of: migrator, connection)
                try await connection.execute(script: "CREATE UNIQUE INDEX t_id ON t (id)")
                let before: UInt32 = try await connection.value("SELECT 't_id'::regclass::oid")
                _ = try await migrator.up()
                #expect(try await connection.value("SELECT 't_id'::regclass::oid") == before)
            }
        }
    }

    @Test func `a label is added outside a transaction, once`() async throws {
        try await withDatabase { database in
            let files = [
                "0001_type/up.sql": "CREATE TYPE mood AS ENUM ('ok');",
                "0002_label/up.sql": "-- migrate: no-transaction\nALTER TYPE mood ADD VALUE 'great';",
                "0003_use/up.sql": "CREATE TABLE m (mood mood DEFAULT 'great');",
            ]
            let result = try await migrator(files, on: database).up()
            #expect(result.completed.count == 3)
        }
    }

    private func migratorOfBase(_ database: TestDatabase) throws -> Migrator {
        try migrator(["0001_base/up.sql": "CREATE TABLE t (id int);"], on: database)
    }

    /// Writes the line that a runner leaves that dies in the middle of version 2.
    private func leaveIntent(of migrator: Migrator, _ connection: PostgresConnection) async throws {
        let step = try #require(migrator.source.migrations.last?.steps.first)
        try await connection.query(
            """
            INSERT INTO migrate_history (version, step, step_count, migration_name, step_name, phase, kind,
                checksum_algorithm, checksum, outcome, started_at, token, applied_by)
            VALUES (2, 1, 1, 'index', 'up', 'expand', 'no-transaction', \(step.file.checksum.algorithm),
                \(step.file.checksum.hex), 'intent', now(), 1, 'test')
            """
        )
    }
}
