import Postgres
import SchemaMigrations
import TestSupport
import Testing

@Suite struct BackfillTests {
    private let files = [
        "0001_base/up.sql": """
        CREATE TABLE t (id int PRIMARY KEY, n int, pad text);
        INSERT INTO t SELECT g, CASE WHEN g % 10 <> 0 THEN 1 END, repeat('x', 200) FROM generate_series(1, 6000) g;
        """,
        "0002_fill/01_fill.sql": "-- migrate: backfill table=t\nUPDATE t SET n = 7 WHERE n IS NULL -- the rest\n",
        "0002_fill/02_check.sql": "ALTER TABLE t ALTER COLUMN n SET NOT NULL;",
    ]

    @Test func `every row that needs it is changed once, in many batches`() async throws {
        try await withDatabase { database in
            let log = EventLog()
            let migrator = try migrator(files, on: database) { $0.batchPages = 10 }
            let result = try await migrator.up { log.add($0) }
            #expect(result.completed.map(\.number) == [1, 2])
            let rows = try await migrator.history().records.first { $0.kind == .backfill }?.rows
            #expect(rows == 600)
            let last = log.all.reversed().compactMap { event -> BackfillProgress? in
                if case .stepProgress(_, let progress) = event { progress } else { nil }
            }.first
            let progress = try #require(last)
            #expect(progress.fraction == 1)
            #expect(progress.batches > 10)
            let (changed, cursors): (Int, Int) = try await database.connect { connection in
                (
                    try await connection.value("SELECT count(*) FROM t WHERE n = 7"),
                    try await connection.value("SELECT count(*) FROM migrate_backfill")
                )
            }
            #expect(changed == 600)
            #expect(cursors == 0)
        }
    }

    @Test func `a run that was interrupted goes on from its cursor`() async throws {
        try await withDatabase { database in
            let migrator = try migrator(files, on: database) { $0.batchPages = 1 }
            var interruptions = 0
            var isDone = false
            while !isDone {
                let run = Task { try await failure(migrator) }
                try await Task.sleep(for: .milliseconds(60 + 20 * interruptions))
                run.cancel()
                let error = try await run.value
                isDone = error == nil
                if let error {
                    #expect(error.exitCode == .paused)
                    interruptions += 1
                }
            }
            #expect(interruptions > 0)
            // Each row was counted in the transaction that changed it: no batch was lost or repeated.
            #expect(try await migrator.history().records.first { $0.kind == .backfill }?.rows == 600)
        }
    }

    @Test func `rows that a writer moves meanwhile are found in another pass`() async throws {
        try await withDatabase { database in
            let migrator = try migrator(files, on: database) { $0.batchPages = 1 }
            let log = EventLog()
            try await database.connect { writer in
                async let result = migrator.up { log.add($0) }
                try await waitUntil { log.all.contains { if case .stepProgress = $0 { true } else { false } } }
                // New row versions go to the end of the table, beyond the pages of the pass.
                try await writer.query("INSERT INTO t SELECT g, NULL, 'late' FROM generate_series(6001, 6100) g")
                #expect(try await result.completed.last?.number == 2)
                #expect(try await writer.value("SELECT count(*) FROM t WHERE n IS NULL") == 0)
            }
        }
    }

    @Test func `a table that was rewritten is walked from its first page again`() async throws {
        try await withDatabase { database in
            let migrator = try migrator(files, on: database) { $0.batchPages = 1 }
            let log = EventLog()
            let run = Task { try await migrator.up { log.add($0) } }
            try await waitUntil { log.all.contains { if case .stepProgress = $0 { true } else { false } } }
            run.cancel()
            _ = await run.result
            try await database.connect { connection in
                try await connection.execute(script: "VACUUM FULL t")
                _ = try await migrator.up()
                #expect(try await connection.value("SELECT count(*) FROM t WHERE n IS NULL") == 0)
                #expect(
                    try await connection.value("SELECT rows FROM migrate_history WHERE kind = 'backfill'")
                        == Int64(600)
                )
            }
        }
    }

    @Test func `a backfill whose rows never end says so`() async throws {
        try await withDatabase { database in
            var endless = files
            endless["0002_fill/01_fill.sql"] =
                "-- migrate: backfill table=t\nUPDATE t SET pad = pad || '' WHERE id <= 10"
            let error = try #require(try await failure(migrator(endless, on: database)))
            #expect(error.code == .backfillNeverEnds)
            #expect(error.message.contains("10 rows still need it, for example id = "))
            #expect(error.exitCode == .needsHuman)
        }
    }

    @Test func `an error in a batch shows its place in the file`() async throws {
        try await withDatabase { database in
            var broken = files
            broken["0002_fill/01_fill.sql"] = "-- migrate: backfill table=t\nUPDATE t\n  SET m = 7 WHERE n IS NULL"
            let error = try #require(try await failure(migrator(broken, on: database)))
            #expect(error.location?.description == "0002_fill/01_fill.sql:3:7")
        }
    }

    @Test func `a table that does not exist is a clear error`() async throws {
        try await withDatabase { database in
            let files = ["0001_a/01_x.sql": "-- migrate: backfill table=gone\nUPDATE gone SET a = 1 WHERE a IS NULL"]
            let error = try #require(try await failure(migrator(files, on: database)))
            #expect(error.code == .invalidBackfill)
            #expect(error.message.contains("gone"))
        }
    }
}
