import Postgres
import TestSupport
import Testing

@testable import SchemaMigrations

/// What the attempt log keeps of what happened during a step.
@Suite struct AttemptTraceTests {
    private let files = [
        "0001_base/up.sql": """
        CREATE TABLE t (id int PRIMARY KEY, n int, pad text); CREATE TABLE hold (id int);
        INSERT INTO t SELECT g, NULL, repeat('x', 200) FROM generate_series(1, 2000) g;
        """,
        "0002_fill/up.sql": "-- migrate: backfill table=t\nUPDATE t SET n = 7 WHERE n IS NULL",
    ]

    @Test func `pauses and batches of a backfill are kept, also when it is stopped`() async throws {
        try await withDatabase { database in
            let migrator = try migrator(files, on: database) {
                $0.batchPages = 10
                $0.throttleCondition = "SELECT count(*) > 0 FROM hold"
            }
            _ = try await migrator.up(to: .version(try #require(MigrationVersion(1))))
            try await database.connect { connection in
                try await connection.execute(script: "INSERT INTO hold VALUES (1)")
                let log = EventLog()
                let run = Task { try await failure(migrator) { log.add($0) } }
                try await waitUntil {
                    log.all.contains { if case .stepThrottled = $0 { true } else { false } }
                }
                try await Task.sleep(for: .milliseconds(50))
                run.cancel()
                #expect(try await run.value?.exitCode == .paused)
                try await connection.execute(script: "DELETE FROM hold")
            }
            _ = try await migrator.up()
            let traces = try await migrator.attempts().filter { $0.kind == .backfill }.map(\.trace)
            #expect(traces.count == 2)
            let stopped = try #require(traces.first)
            #expect(stopped.pauses.map(\.reason) == ["the condition that was given holds"])
            #expect(stopped.pauses.allSatisfy { $0.durationMS >= 50 && $0.count == 1 })
            let done = try #require(traces.last?.points.last)
            #expect(done.rows == 2000 && done.batches > 4)
            #expect(traces.last?.pauses.isEmpty == true)
        }
    }

    @Test func `why a step tried again for its locks is kept`() async throws {
        try await withDatabase { database in
            var files = files
            files["0002_fill/up.sql"] = "ALTER TABLE t ADD m int"
            let migrator = try migrator(files, on: database)
            _ = try await migrator.up(to: .version(try #require(MigrationVersion(1))))
            try await database.connect { blocker in
                try await blocker.execute(script: "BEGIN; SELECT FROM t LIMIT 1")
                let log = EventLog()
                let run = Task { try await migrator.up { log.add($0) } }
                try await waitUntil { log.retries.count > 1 }
                try await blocker.execute(script: "COMMIT")
                _ = try await run.value
            }
            let trace = try #require(try await migrator.attempts().last?.trace)
            #expect(trace.pauses.map(\.count).reduce(0, +) > 1)
            #expect(trace.pauses.allSatisfy { $0.durationMS > 0 && !$0.reason.isEmpty })
        }
    }

    @Test func `what is kept is bounded, and loses detail before it loses what happened`() {
        var trace = AttemptTrace()
        for number in 0..<1000 {
            let time = Int64(number)
            trace.add(AttemptTrace.Point(atMS: time, rows: time, batches: time))
            trace.add(AttemptTrace.Pause(atMS: time, durationMS: 2, count: 1, reason: "reason \(number)"))
        }
        #expect(trace.points.count <= 60 && trace.points.last?.batches == 999)
        #expect(trace.points.map(\.atMS) == trace.points.map(\.atMS).sorted())
        #expect(trace.pauses.count == 40 && trace.pauses.map(\.count).reduce(0, +) == 1000)
        #expect(trace.pauses.map(\.durationMS).reduce(0, +) == 2000)
        #expect(trace.pauses.last?.reason == "reason 999")
        var same = AttemptTrace()
        for _ in 0..<3 { same.add(AttemptTrace.Pause(atMS: 5, durationMS: 1, count: 1, reason: "lag")) }
        #expect(same.pauses == [AttemptTrace.Pause(atMS: 5, durationMS: 3, count: 3, reason: "lag")])
    }
}
