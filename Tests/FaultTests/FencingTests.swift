import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Two runners who both believe that they hold the lock.
@Suite struct FencingTests {
    @Test func `a runner that lost its lock inside a step is fenced off, and no step is committed twice`() async throws
    {
        try await Laboratory.with { laboratory in
            var files = ["0001_marks/01_table.sql": "CREATE TABLE mark (step int)"]
            files["0001_marks/02_gate.sql"] = """
                -- migrate: lock-timeout=5min
                SELECT pg_advisory_xact_lock(42);
                INSERT INTO mark VALUES (2);
                """
            for step in 3...6 {
                files["0001_marks/0\(step)_mark.sql"] = "SELECT pg_sleep(0.05); INSERT INTO mark VALUES (\(step));"
            }
            let source = try MigrationSource(files: files)
            try await laboratory.connection.execute(script: "SELECT pg_advisory_lock(42)")
            let first = Task { [migrator = laboratory.migrator(source)] in try await outcome { try await migrator.up() }
            }
            try await laboratory.waitForWaiters(1, event: "advisory")
            try await laboratory.breakLock()
            let second = Task { [migrator = laboratory.migrator(source)] in try await migrator.up() }
            // It has the lock, and waits for the first one's line in the bookkeeping.
            try await laboratory.waitForWaiters(1, event: "transactionid")
            try await laboratory.connection.execute(script: "SELECT pg_advisory_unlock(42)")
            _ = try await second.value
            guard case .failure(let error) = try await first.value else {
                Issue.record("the first runner went on")
                return
            }
            #expect([.fenced, .lockLost].contains(error.code), "\(error)")
            #expect(error.hint != nil)
            let marks: [Int32] = try await laboratory.connection.query("SELECT step FROM mark ORDER BY step")
                .map { try $0.decode(at: 0) }
            #expect(marks == [2, 3, 4, 5, 6])
            let status = try await laboratory.migrator(source).status()
            #expect(status.state == .upToDate)
        }
    }

    @Test func `a runner that lost its lock builds no index twice, and removes none of another runner's`() async throws
    {
        try await Laboratory.with { laboratory in
            let source = try IndexMigration.source()
            try await IndexMigration.prepare(laboratory)
            try await IndexMigration.whileBlocked(laboratory) { release in
                let first = Task { [migrator = laboratory.migrator(source)] in
                    try await outcome { try await migrator.up() }
                }
                try await laboratory.waitForWaiters(1, event: "virtualxid")
                let token: Int64 = try await laboratory.value("SELECT token FROM migrate_control")
                try await laboratory.breakLock()
                let second = Task { [migrator = laboratory.migrator(source)] in try await migrator.up() }
                // The first one looks at its index too, and is fenced off only once the second has a token.
                try await laboratory.waitUntil("SELECT token > \(token) FROM migrate_control")
                try await IndexMigration.waitUntilFound(laboratory)
                try await release()
                _ = try await second.value
                guard case .failure(let error) = try await first.value else {
                    Issue.record("the first runner recorded the step too")
                    return
                }
                #expect([.fenced, .lockLost].contains(error.code), "\(error)")
            }
            try await IndexMigration.expectApplied(laboratory)
        }
    }
}
