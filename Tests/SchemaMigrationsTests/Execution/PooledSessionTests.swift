import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// What a file sets for its session, where the next transaction may be another client's.
@Suite(.enabled(if: PgBouncer.program != nil, "needs the package pgbouncer")) struct PooledSessionTests {
    /// The settings that some session of the server has other than its defaults, seen from as many clients at once.
    private func leaks(_ pooled: PostgresConfiguration) async throws -> [String] {
        try await withThrowingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    try await PostgresConnection.withConnection(to: pooled) { connection in
                        try await connection.withTransaction { connection in
                            let names: [String] = try await connection.query(
                                """
                                SELECT name || ' = ' || setting FROM pg_settings WHERE source = 'session' AND setting <> reset_val
                                UNION SELECT 'role' WHERE current_setting('role') <> 'none'
                                """
                            ).map { try $0.decode(at: 0) }
                            // Until each has a session of its own.
                            try await connection.query("SELECT pg_sleep(0.3)")
                            return names.filter { !$0.hasPrefix("application_name") && !$0.hasPrefix("transaction_") }
                        }
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    @Test func `settings of a file behind a pooler are told and reach no other client`() async throws {
        try await withDatabase { database in
            try await PgBouncer.with(database) { pooler in
                let pooled = pooler.configuration
                let files = [
                    "0001_a/01_set.sql":
                        "SET work_mem = '9MB'; SET LOCAL temp_buffers = '9MB'; CREATE TABLE a (id int)",
                    "0001_a/02_role.sql": "SET ROLE pg_monitor; SELECT set_config('geqo', 'off', false)",
                    "0001_a/03_index.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id)",
                    "0001_a/04_limit.sql":
                        "SET lock_timeout = 0; CREATE TABLE b AS SELECT current_setting('geqo') AS geqo",
                ]
                let log = EventLog()
                let migrator = Migrator(source: try MigrationSource(files: files), database: pooled)
                #expect(try await migrator.up { log.add($0) }.steps.count == 4)
                let left = log.all.compactMap { event -> String? in
                    if case .stepLeftSettings(let step, let names) = event { "\(step.step): \(names)" } else { nil }
                }
                #expect(
                    left == [
                        #"01_set: ["work_mem"]"#, #"02_role: ["geqo", "role"]"#, #"04_limit: ["lock_timeout"]"#,
                    ]
                )
                #expect(try await leaks(pooled) == [])
                let (geqo, owner): (String, String) = try await database.connect {
                    try await $0.query(
                        "SELECT geqo, pg_get_userbyid(relowner)::text FROM b, pg_class WHERE relname = 'b'"
                    )
                    .one().decode(String.self, String.self)
                }
                #expect(geqo == "on" && owner != "pg_monitor")
            }
        }
    }

    @Test func `what needs settings outside a transaction is refused behind a pooler before anything changes`()
        async throws
    {
        try await withDatabase { database in
            try await PgBouncer.with(database) { pooler in
                let pooled = pooler.configuration
                let files = [
                    "0001_a/01_a.sql": "CREATE TABLE a (id int)",
                    "0001_a/02_b.sql":
                        "-- migrate: no-transaction lock-timeout=5s\nCREATE INDEX CONCURRENTLY a_id ON a (id)",
                ]
                let error = try #require(
                    try await failure(Migrator(source: try MigrationSource(files: files), database: pooled))
                )
                #expect(error.code == .needsDirectConnection)
                #expect(error.location?.file == "0001_a/02_b.sql")
                #expect(error.exitCode == .needsHuman)
                let isThere = try await database.connect { try await $0.hasTable("a") }
                #expect(!isThere)
            }
        }
    }

    @Test func `what a down script sets behind a pooler reaches no other client`() async throws {
        try await withDatabase { database in
            try await PgBouncer.with(database) { pooler in
                let pooled = pooler.configuration
                let files = [
                    "0001_a/up.sql": "CREATE TABLE a (id int)",
                    "0001_a/down.sql": "SET work_mem = '9MB'; DROP TABLE a",
                ]
                let migrator = Migrator(source: try MigrationSource(files: files), database: pooled)
                _ = try await migrator.up()
                _ = try await migrator.down(to: try #require(MigrationVersion(0)))
                #expect(try await leaks(pooled) == [])
            }
        }
    }
}
