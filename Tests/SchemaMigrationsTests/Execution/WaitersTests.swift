import Postgres
import TestSupport
import Testing

@testable import SchemaMigrations

/// Many runners, and runners behind a pooler.
@Suite struct WaitersTests {
    @Test func `an index is built concurrently while ten runners wait for the lock`() async throws {
        try await withDatabase { database in
            let files = [
                "0001_base/up.sql": "CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 1000)",
                "0002_index/up.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY t_id ON t (id)",
            ]
            let base = files.filter { $0.key.hasPrefix("0001") }
            _ = try await migrator(base, on: database).up()
            let migrator = try migrator(files, on: database)
            let waiting = EventLog()
            try await database.connect { blocker in
                try await blocker.execute(script: "BEGIN; INSERT INTO t VALUES (0)")
                let builder = Task { try await migrator.up() }
                try await waitUntil {
                    // Not the blocker: within a transaction such a view stays as it was first seen.
                    try await database.connect {
                        try await $0.value(
                            """
                            SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE datname = current_database())
                            """
                        )
                    }
                }
                let others = (1...10).map { _ in Task { try await migrator.up { waiting.add($0) } } }
                try await waitUntil {
                    waiting.all.count { if case .lockWaiting = $0 { true } else { false } } >= 10
                }
                try await blocker.execute(script: "COMMIT")
                #expect(try await builder.value.completed.map(\.number) == [2])
                for other in others { #expect(try await other.value.completed.isEmpty) }
                #expect(try await blocker.value("SELECT indisvalid FROM pg_index WHERE indrelid = 't'::regclass"))
            }
        }
    }

    @Test func `the server is told to look for a runner that is gone`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.withTransaction { connection in
                    try await connection.execute(script: MigrationLock.keepAlive)
                    let interval: String = try await connection.value(
                        "SELECT current_setting('client_connection_check_interval')"
                    )
                    #expect(interval == "5s")
                }
            }
        }
    }

    @Test(.enabled(if: PgBouncer.program != nil, "needs the package pgbouncer"))
    func `two runners behind a pooler in transaction mode apply each step once, and leave no lock`() async throws {
        try await withDatabase { database in
            try await PgBouncer.with(database) { pooler in
                var files: [String: String] = [:]
                for step in 1...6 {
                    files["0001_marks/0\(step)_mark.sql"] =
                        (step == 1 ? "CREATE TABLE mark (step int); " : "")
                        + "INSERT INTO mark VALUES (\(step)); SELECT pg_sleep(0.05)"
                }
                let source = try MigrationSource(files: files)
                let migrator = Migrator(source: source, database: pooler.configuration)
                async let one = migrator.up()
                async let other = migrator.up()
                let steps = try await one.steps.count + other.steps.count
                #expect(steps == 6)
                try await database.connect { connection in
                    let marks: [Int32] = try await connection.query("SELECT step FROM mark ORDER BY step")
                        .map { try $0.decode(at: 0) }
                    #expect(marks == [1, 2, 3, 4, 5, 6])
                    let isHeld = MigrationLock.isHeld(schema: "public")
                    try await waitUntil { try await !connection.value(isHeld) }
                }
            }
        }
    }
}
