import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Pausing, resuming and tuning a run from another session.
@Suite struct PauseTests {
    private let backfill = [
        "0001_base/up.sql": """
        CREATE TABLE t (id int PRIMARY KEY, n int, pad text);
        INSERT INTO t SELECT g, NULL, repeat('x', 200) FROM generate_series(1, 6000) g;
        """,
        "0002_fill/up.sql": "-- migrate: backfill table=t\nUPDATE t SET n = 7 WHERE n IS NULL",
    ]

    @Test func `a backfill that is paused stops between two batches, and goes on from there after resume`() async throws
    {
        try await withDatabase { database in
            let migrator = try migrator(backfill, on: database) { $0.batchPages = 1 }
            let log = EventLog()
            let run = Task { try await failure(migrator) { log.add($0) } }
            try await waitUntil { log.all.contains { if case .stepProgress = $0 { true } else { false } } }
            try await migrator.pause()
            let stopped = try #require(try await run.value)
            #expect(stopped.code == .paused)
            #expect(stopped.exitCode == .paused)
            #expect(stopped.hint?.contains("migrate resume") == true)

            let next = try #require(try await failure(migrator))
            #expect(next.code == .paused)
            try await database.connect { connection in
                let done: Int64 = try await connection.value("SELECT count(*) FROM t WHERE n = 7")
                #expect(done > 0 && done < 6000)
                let counted: Int64 = try await connection.value("SELECT rows FROM migrate_backfill")
                #expect(counted == done)
            }
            try await migrator.resume()
            _ = try await migrator.up()
            #expect(try await migrator.history().records.last?.rows == 6000)
        }
    }

    @Test func `a pause does not wait for the step that is under way, which comes to its end`() async throws {
        try await withDatabase { database in
            let files = [
                "0001_gate/01_gate.sql": "-- migrate: lock-timeout=5min\nSELECT pg_advisory_xact_lock(42)",
                "0001_gate/02_after.sql": "CREATE TABLE after (id int)",
            ]
            let migrator = try migrator(files, on: database)
            try await database.connect { connection in
                try await connection.execute(script: "SELECT pg_advisory_lock(42)")
                let run = Task { try await failure(migrator) }
                try await waitUntil {
                    try await connection.value(
                        """
                        SELECT EXISTS (SELECT FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event = 'advisory')
                        """
                    )
                }
                try await migrator.pause()
                try await connection.execute(script: "SELECT pg_advisory_unlock(42)")
                #expect(try await run.value?.exitCode == .paused)
                #expect(try await migrator.history().records.map(\.stepName) == ["01_gate"])
                try await migrator.resume()
                #expect(try await migrator.up().steps.map(\.step) == ["02_after"])
            }
        }
    }

    @Test func `the batch target that resume sets rules the batches of a run`() async throws {
        try await withDatabase { database in
            let base = backfill.filter { $0.key.hasPrefix("0001") }
            _ = try await migrator(base, on: database).up()
            let migrator = try migrator(backfill, on: database) { $0.batchTarget = .seconds(60) }
            // Shorter than any statement: each batch is smaller than the one before, down to the least.
            try await migrator.resume(batchTarget: .milliseconds(1))
            let log = EventLog()
            _ = try await migrator.up { log.add($0) }
            let request: Int32? = try await database.connect {
                try await $0.value("SELECT batch_target_ms FROM migrate_request")
            }
            #expect(request == 1)
            let batches = log.all.compactMap {
                if case .stepProgress(_, let progress) = $0 { progress.batches } else { nil }
            }
            // By the options the table would be done in three.
            #expect(batches.max() ?? 0 > 3)
        }
    }

    @Test func `where no run has ever been there is nothing to pause`() async throws {
        try await withDatabase { database in
            let migrator = try migrator(backfill, on: database)
            let error = await #expect(throws: MigrationError.self) { try await migrator.pause() }
            #expect(error?.exitCode == .usage)
            let exists = try await database.connect { try await $0.hasTable("migrate_control") }
            #expect(!exists)
        }
    }
}
