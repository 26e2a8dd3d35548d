import Logging
import Postgres
import ServiceLifecycle
import TestSupport
import Testing

struct PoolShutdownTests {
    @Test func `a graceful shutdown lets those who hold a connection finish and refuses the others`() async throws {
        try await withPool {
            $0.maximumConnections = 3
            $0.minimumConnections = 1
        } _: { pool, database in
            let group = ServiceGroup(
                configuration: .init(services: [.init(service: pool)], logger: Logger(label: "test"))
            )
            let service = Task { try await group.run() }
            let counts = try await withThrowingTaskGroup(of: (done: Int, code: PostgresError.Code?).self) { tasks in
                for _ in 0..<8 { tasks.addTask { try await work(pool) } }
                try await database.connect { observer in
                    let isBusy = try await eventually { try await observer.otherSessions == 3 }
                    #expect(isBusy)
                }
                await group.triggerGracefulShutdown()
                return try await tasks.reduce(into: []) { $0.append($1) }
            }
            try await service.value
            // Nobody was cut off: the first error of each is the pool's refusal.
            #expect(counts.map(\.code).allSatisfy { $0 == .poolClosed })
            #expect(counts.map(\.done).reduce(0, +) > 0)
            try await database.connect { observer in
                let isEmpty = try await eventually { try await observer.otherSessions == 0 }
                #expect(isEmpty)
            }
        }
    }

    private func work(_ pool: PostgresPool) async throws -> (done: Int, code: PostgresError.Code?) {
        var done = 0
        while true {
            let error = try await postgresError {
                try await pool.withTransaction { connection in
                    try await connection.query("SELECT pg_sleep(0.02)")
                    try await connection.query("SELECT 1")
                }
            }
            if let error { return (done, error.code) }
            done += 1
        }
    }

    @Test func `a shutdown does not wait for ever`() async throws {
        let recorder = LogRecorder()
        try await withPool(logger: recorder) { _ in
        } _: { pool, database in
            let holder = Task { try await pool.query("SELECT pg_sleep(60)") }
            try await database.connect { observer in
                // Lent and at work: a connect under way would be refused instead.
                let atWork: PostgresQuery = """
                    SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'
                        AND datname = current_database()
                    """
                #expect(try await eventually { try await observer.value(atWork, as: Int.self) == 1 })
                await pool.shutDown(waitingUpTo: .milliseconds(50))
                let error = try await postgresError { try await holder.value }
                #expect(error?.code == .connectionClosed)
                #expect(recorder.lines.contains { $0.contains("PoolShutdownTests.swift:") && $0.contains("shutdown") })
            }
        }
    }

    @Test func `a shutdown of a pool that nobody uses returns`() async throws {
        try await withPool { _ in
        } _: { pool, _ in
            await pool.shutDown(waitingUpTo: .seconds(3600))
            await pool.shutDown(waitingUpTo: .seconds(3600))
            let error = try await postgresError { try await pool.query("SELECT 1") }
            #expect(error?.code == .poolClosed)
        }
    }
}
