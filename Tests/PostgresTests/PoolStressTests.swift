import Logging
import TestSupport
import Testing

@testable import Postgres

struct PoolStressTests {
    /// Pain: a pool loses slots when an acquire is cancelled at the wrong moment.
    @Test func `pain 8: two thousand operations, a third of them cancelled, lose no slot`() async throws {
        try await withDatabase { database in
            var configuration = try database.configuration
            configuration.logger.logLevel = .critical
            let pool = PostgresPool(configuration, maximumConnections: 4)
            let codes = try await runWorkers(on: pool)
            let counts = Dictionary(codes.map { ($0, 1) }, uniquingKeysWith: +)
            let expected: Set<PostgresError.Code?> = [nil, .cancelled, .server, .deadlineExceeded]
            #expect(Set(codes).isSubset(of: expected))
            #expect(codes.count == 2000)
            #expect((counts[nil] ?? 0) > 500)
            #expect((counts[.cancelled] ?? 0) > 50)
            #expect(pool.inUse == 0)
            // Every place can be had at once.
            try await withFour(pool)
            await pool.shutDown()
        }
    }

    private func runWorkers(on pool: PostgresPool) async throws -> [PostgresError.Code?] {
        try await withThrowingTaskGroup(of: [PostgresError.Code?].self) { group in
            for worker in 0..<20 {
                group.addTask { try await Self.operate(pool, seed: UInt64(worker)) }
            }
            var codes: [PostgresError.Code?] = []
            for try await some in group { codes += some }
            return codes
        }
    }

    private func withFour(_ pool: PostgresPool) async throws {
        try await pool.withConnection { first in
            try await pool.withConnection { second in
                try await pool.withConnection { third in
                    try await pool.withConnection { fourth in
                        #expect(pool.inUse == 4)
                        for connection in [first, second, third, fourth] {
                            #expect(await connection.isInTransaction == false)
                            try await connection.query("SELECT 1")
                        }
                    }
                }
            }
        }
    }

    private static func operate(_ pool: PostgresPool, seed: UInt64) async throws -> [PostgresError.Code?] {
        var generator = SeededGenerator(seed: seed)
        var codes: [PostgresError.Code?] = []
        for _ in 0..<100 { codes.append(try await operateOnce(pool, &generator)) }
        return codes
    }

    private static func operateOnce(_ pool: PostgresPool, _ generator: inout SeededGenerator) async throws
        -> PostgresError.Code?
    {
        let kind = Int.random(in: 0..<6, using: &generator)
        let delay = Int.random(in: 0...3000, using: &generator)
        let task = Task {
            switch kind {
            case 0: _ = try await pool.query("SELECT pg_sleep(0.001)")
            case 1: _ = try await pool.query("SELECT pg_sleep(0.05)", timeout: .milliseconds(1))
            case 2: _ = try await pool.query("SELECT 1 / 0")
            case 3: _ = try await pool.withConnection { try await $0.execute(script: "BEGIN; SELECT 1") }
            default:
                try await pool.withTransaction { connection in
                    try await connection.query("SELECT pg_sleep(0.0005)")
                    try await connection.withTransaction { _ = try await $0.query("SELECT 1") }
                }
            }
        }
        if delay < 1000 {
            try await Task.sleep(for: .microseconds(delay))
            task.cancel()
        }
        return try await postgresError { try await task.value }?.code
    }
}
