import Postgres
import SchemaMigrations
import TestSupport
import Testing

@Suite struct MigratorTests {
    private let twoVersions = [
        "0001_base/01_a.sql": "CREATE TABLE a (id int);",
        "0001_base/02_b.sql": "CREATE TABLE b (id int);",
        "0002_more/up.sql": "CREATE TABLE c (id int); INSERT INTO a VALUES (1);",
    ]
    private let contract = "-- migrate: phase=contract\nCREATE TABLE contracted (id int);"

    @Test func `steps are applied in order and recorded`() async throws {
        try await withDatabase { database in
            let log = EventLog()
            let migrator = try migrator(twoVersions, on: database)
            let result = try await migrator.up { log.add($0) }
            #expect(result.completed.map(\.number) == [1, 2])
            #expect(result.steps.map(\.step) == ["01_a", "02_b", "up"])
            let history = try await migrator.history()
            #expect(history.records.map(\.stepName) == ["01_a", "02_b", "up"])
            #expect(history.records.allSatisfy { $0.outcome == .applied && $0.finishedAt != nil })
            #expect(!history.isInitialRunUnfinished)
            #expect(try await migrator.status().state == .upToDate)
            let count: Int = try await database.connect { try await $0.value("SELECT count(*) FROM a") }
            #expect(count == 1)
        }
    }

    @Test func `with nothing to do no lock is taken`() async throws {
        try await withDatabase { database in
            let migrator = try migrator(twoVersions, on: database) { $0.lockWait = .zero }
            _ = try await migrator.up()
            try await database.connect { other in
                try await other.withTransaction { other in
                    try await other.query("SELECT pg_advisory_xact_lock(\(Int32(0x6D69_6772)), 0)")
                    let log = EventLog()
                    let result = try await migrator.up { log.add($0) }
                    #expect(result.completed.isEmpty)
                    #expect(log.all.isEmpty)
                }
            }
        }
    }

    @Test func `a contract migration waits to be asked for on a database with history`() async throws {
        try await withDatabase { database in
            _ = try await migrator(twoVersions, on: database).up()
            var files = twoVersions
            files["0003_contract/up.sql"] = contract
            let migrator = try migrator(files, on: database)
            let held = try await migrator.up()
            #expect(held.heldBack.map(\.version.number) == [3])
            #expect(held.exitCode == .done)
            #expect(try await migrator.status().state == .contractPending)
            let asked = try await migrator.up(phase: .all)
            #expect(asked.completed.map(\.number) == [3])
        }
    }

    @Test func `what lies behind a contract migration is held back too, and said so`() async throws {
        try await withDatabase { database in
            _ = try await migrator(twoVersions, on: database).up()
            var files = twoVersions
            files["0003_contract/up.sql"] = contract
            files["0004_after/up.sql"] = "CREATE TABLE after (id int);"
            let result = try await migrator(files, on: database).up()
            #expect(result.heldBack.map(\.version.number) == [3, 4])
            #expect(result.exitCode == .pending)
        }
    }

    @Test func `an empty database gets everything, also when its first run was cut short`() async throws {
        try await withDatabase { database in
            var files = twoVersions
            files["0003_contract/up.sql"] = contract
            files["0002_more/up.sql"] = "SELECT 1/0;"
            #expect(try await failure(migrator(files, on: database))?.code == .sqlFailed)
            files["0002_more/up.sql"] = "SELECT 1;"
            let result = try await migrator(files, on: database).up()
            #expect(result.completed.map(\.number) == [2, 3])
        }
    }

    @Test func `a broken step names its place and leaves nothing half-done`() async throws {
        try await withDatabase { database in
            var files = twoVersions
            files["0002_more/up.sql"] = "CREATE TABLE half (id int);\nINSERT INTO half\n  VALUES (nonsense);"
            let error = try #require(try await failure(migrator(files, on: database)))
            #expect(error.code == .sqlFailed)
            #expect(error.exitCode == .failed)
            #expect(error.location?.description == "0002_more/up.sql:3:11")
            #expect(error.excerpt?.caret == "          ^")
            #expect(error.description.contains("42703"))
            let (half, earlier) = try await database.connect { connection in
                (try await connection.hasTable("half"), try await connection.hasTable("b"))
            }
            #expect(!half)
            #expect(earlier)
            files["0002_more/up.sql"] = "CREATE TABLE half (id int);"
            #expect(try await migrator(files, on: database).up().completed.map(\.number) == [2])
        }
    }

    @Test func `an edited applied file changes nothing`() async throws {
        try await withDatabase { database in
            _ = try await migrator(twoVersions, on: database).up()
            var files = twoVersions
            files["0001_base/01_a.sql"] = "CREATE TABLE a (id bigint);"
            files["0003_new/up.sql"] = "CREATE TABLE new (id int);"
            let error = try #require(try await failure(migrator(files, on: database)))
            #expect(error.exitCode == .disagreement)
            #expect(error.description.contains("0001_base/01_a.sql"))
            let isApplied = try await database.connect { try await $0.hasTable("new") }
            #expect(!isApplied)
        }
    }

    @Test func `a database that is ahead is told as such`() async throws {
        try await withDatabase { database in
            _ = try await migrator(twoVersions, on: database).up()
            let older = twoVersions.filter { $0.key.hasPrefix("0001") }
            #expect(try await failure(migrator(older, on: database))?.exitCode == .ahead)
        }
    }

    @Test func `what a file sets for its session does not reach the next`() async throws {
        try await withDatabase { database in
            let files = [
                "0001_a/up.sql":
                    "SET search_path = pg_temp; SET statement_timeout = '1s'; SET ROLE pg_read_all_data; RESET ROLE;",
                "0002_b/up.sql": "CREATE TABLE here (id int); SELECT pg_sleep(1.5);",
            ]
            _ = try await migrator(files, on: database).up()
            let isThere = try await database.connect { try await $0.hasTable("public.here") }
            #expect(isThere)
        }
    }

    @Test func `the bookkeeping lives in any schema, whatever its name`() async throws {
        try await withDatabase { database in
            let odd = "odd \"schema\"; DROP TABLE a; --"
            let migrator = try migrator(twoVersions, on: database) { $0.schema = odd }
            _ = try await migrator.up()
            #expect(try await migrator.status().state == .upToDate)
            try await database.connect { connection in
                let found: String = try await connection.value(
                    "SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'migrate_history'"
                )
                #expect(found == PostgresQuery.quote(identifier: odd))
            }
        }
    }

    @Test func `a role that may only read sees the status`() async throws {
        try await withDatabase { database in
            _ = try await migrator(twoVersions, on: database).up()
            let role = "reader_\(database.name)"
            try await database.connect { connection in
                try await connection.execute(
                    script: "CREATE ROLE \(role) LOGIN; GRANT SELECT ON migrate_history, migrate_control TO \(role)"
                )
            }
            let configuration = try PostgresConfiguration(database.connectionString + " user=\(role)")
            let migrator = Migrator(source: try MigrationSource(files: twoVersions), database: configuration)
            #expect(try await migrator.status().state == .upToDate)
            try await database.connect { try await $0.execute(script: "DROP OWNED BY \(role); DROP ROLE \(role)") }
        }
    }

    @Test func `an unreachable server is exit code 5`() async throws {
        let configuration = try PostgresConfiguration("host=127.0.0.1 port=1 dbname=x")
        let migrator = Migrator(source: try MigrationSource(files: twoVersions), database: configuration)
        #expect(try await failure(migrator)?.exitCode == .cannotConnect)
    }
}
