import Postgres
import TestSupport
import Testing

struct PoolReportTests {
    /// Pain: a leaked connection leaves no trace of who has it.
    @Test func `who holds a connection for long is named while it does`() async throws {
        let recorder = LogRecorder()
        try await withPool(logger: recorder) {
            $0.slowLeaseThreshold = .milliseconds(50)
        } _: { pool, _ in
            let upkeep = Task { await pool.run() }
            try await pool.withConnection { _ in
                let isNamed = try await eventually {
                    recorder.lines.contains {
                        $0.hasPrefix("warning a connection is held for long") && $0.contains("PoolReportTests.swift:")
                    }
                }
                #expect(isNamed)
            }
            await pool.shutDown()
            await upkeep.value
            // Once, not with each round of the upkeep.
            #expect(recorder.lines.count { $0.contains("held for long") } == 1)
        }
    }

    @Test func `without upkeep a slow holder is named when it is done`() async throws {
        let recorder = LogRecorder()
        try await withPool(logger: recorder) {
            $0.slowLeaseThreshold = .milliseconds(20)
        } _: { pool, _ in
            try await pool.query("SELECT pg_sleep(0.05)")
            #expect(recorder.lines.count { $0.contains("held for long") } == 1)
        }
    }

    /// Pain: self-deadlock by asking for a second connection while holding one.
    @Test func `asking for a second connection while holding one is named once for each place`() async throws {
        let recorder = LogRecorder()
        let warning = "warning a second connection is asked for"
        try await withPool(logger: recorder) { _ in
        } _: { pool, _ in
            try await pool.query("SELECT 1")
            try await pool.query("SELECT 1")
            #expect(!recorder.lines.contains { $0.hasPrefix(warning) })
            for _ in 0..<3 { try await pool.withConnection { _ in _ = try await pool.query("SELECT 1") } }
            #expect(recorder.lines.count { $0.hasPrefix(warning) } == 1)
            // A task that outlives the scope holds nothing any more.
            let gate = Shared(false)
            let task = try await pool.withConnection { _ in
                Task {
                    _ = try await eventually { gate.withLock { $0 } }
                    try await pool.query("SELECT 1")
                }
            }
            gate.withLock { $0 = true }
            try await task.value
            #expect(recorder.lines.count { $0.hasPrefix(warning) } == 1)
        }
    }
}
