import Postgres
import TestSupport
import Testing

struct PoolTests {
    private func withPool<R>(
        _ maximum: Int,
        acquireTimeout: Duration = .seconds(30),
        logger: LogRecorder = LogRecorder(),
        _ body: (PostgresPool, TestDatabase) async throws -> R
    ) async throws -> R {
        try await withDatabase { database in
            var configuration = try database.configuration
            configuration.logger = logger.logger
            let pool = PostgresPool(configuration, maximumConnections: maximum, acquireTimeout: acquireTimeout)
            let value = try await body(pool, database)
            await pool.shutDown()
            return value
        }
    }

    @Test func `who comes first is served first`() async throws {
        try await withPool(1) { pool, _ in
            let order = Shared<[Int]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await pool.withConnection { _ in
                    for number in 0..<10 {
                        group.addTask {
                            try await pool.withConnection { connection in
                                order.withLock { $0.append(number) }
                                try await connection.query("SELECT 1")
                            }
                        }
                        // Each is in the queue before the next comes.
                        try await Task.sleep(for: .milliseconds(10))
                    }
                }
                try await group.waitForAll()
            }
            #expect(order.withLock { $0 } == Array(0..<10))
        }
    }

    @Test func `there are never more connections than allowed, and they are used again`() async throws {
        try await withPool(3) { pool, _ in
            let inUse = Shared((now: 0, most: 0))
            let processes = Shared<Set<Int32>>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<60 {
                    group.addTask {
                        try await pool.withConnection { connection in
                            inUse.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                            let id = await connection.backendProcessID
                            processes.withLock { _ = $0.insert(id) }
                            try await connection.query("SELECT pg_sleep(0.001)")
                            inUse.withLock { $0.now -= 1 }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(inUse.withLock { $0.most } == 3)
            #expect(processes.withLock { $0.count } == 3)
        }
    }

    /// Pain: pool exhaustion without a clue.
    @Test func `pain 18: a timeout tells how many are in use and who holds them longest`() async throws {
        try await withPool(2, acquireTimeout: .milliseconds(50)) { pool, _ in
            // Both are open: connecting on a busy machine takes longer than this pool waits.
            _ = try await eventually { (try? await pool.fill(2)) != nil }
            try await pool.withConnection { _ in
                try await pool.withConnection { _ in
                    let error = try await postgresError { try await pool.query("SELECT 1") }
                    #expect(error?.code == .poolTimeout)
                    #expect(error?.nothingWasSent == true)
                    #expect(error?.message.contains("within 0.05 seconds: 2 of 2 in use, 0 more waiting") == true)
                    #expect(error?.message.contains("held longest by PostgresTests/PoolTests.swift:") == true)
                }
            }
            try await pool.query("SELECT 1")
        }
    }

    @Test func `a waiter can be cancelled, also before it waits`() async throws {
        try await withPool(1) { pool, _ in
            try await pool.withConnection { connection in
                let early = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    try await pool.query("SELECT 1")
                }
                #expect(try await postgresError { try await early.value }?.code == .cancelled)
                let late = Task { try await pool.query("SELECT 1") }
                try await Task.sleep(for: .milliseconds(20))
                late.cancel()
                let error = try await postgresError { try await late.value }
                #expect(error?.code == .cancelled)
                #expect(error?.nothingWasSent == true)
                try await connection.query("SELECT 1")
            }
            try await pool.query("SELECT 1")
        }
    }

    /// Pain: a pooled connection comes back inside an open or aborted transaction.
    @Test(arguments: ["BEGIN; CREATE TABLE t ()", "BEGIN; SELECT 1 / 0"])
    func `pain 1: an open or failed transaction never reaches the next user`(script: String) async throws {
        let recorder = LogRecorder()
        try await withPool(1, logger: recorder) { pool, _ in
            let processID = try await pool.withConnection { connection in
                _ = try? await connection.execute(script: script)
                #expect(await connection.isInTransaction)
                return await connection.backendProcessID
            }
            try await pool.withConnection { connection in
                #expect(await connection.backendProcessID == processID)
                #expect(await connection.isInTransaction == false)
                let isThere: Bool = try await connection.value("SELECT to_regclass('t') IS NOT NULL")
                #expect(!isThere)
            }
        }
        #expect(recorder.lines.contains { $0.hasPrefix("warning a connection came back in an open transaction") })
    }

    @Test func `a broken connection is replaced`() async throws {
        try await withPool(1) { pool, database in
            try await database.connect { observer in
                let first = try await pool.withConnection { await $0.backendProcessID }
                try await observer.terminate(first)
                // Only one that was idle for a while is looked at before it is lent.
                try await Task.sleep(for: .milliseconds(1100))
                let second = try await pool.withConnection { connection in
                    try await connection.query("SELECT 1")
                    return await connection.backendProcessID
                }
                #expect(second != first)
                try await observer.terminate(second)
                let error = try await postgresError { try await pool.query("SELECT 1") }
                #expect(error?.code == .connectionClosed)
                #expect(error?.sqlState == .adminShutdown)
                let third = try await pool.withConnection { await $0.backendProcessID }
                #expect(third != second)
            }
        }
    }

    @Test func `a connection is of no use after its scope`() async throws {
        try await withPool(1) { pool, _ in
            let kept = try await pool.withConnection { $0 }
            let errors = [
                try await postgresError { try await kept.query("SELECT 1") },
                try await postgresError { try await kept.execute(script: "SELECT 1") },
                try await postgresError { try await kept.withTransaction { _ in } },
            ]
            #expect(errors.map { $0?.code } == [.connectionReturned, .connectionReturned, .connectionReturned])
            await kept.close()
            #expect(await !kept.isClosed)
            try await pool.query("SELECT 1")
        }
    }

    @Test func `a query that outlives its scope does not reach the next user`() async throws {
        try await withPool(1) { pool, _ in
            for _ in 0..<5 {
                let strays = try await pool.withConnection { connection in
                    let strays = (0..<3).map { _ in Task { try await connection.query("SELECT pg_sleep(60)") } }
                    try await Task.sleep(for: .milliseconds(20))
                    return strays
                }
                let answer = try await pool.query("SELECT 7").one().decode(at: 0, as: Int.self)
                #expect(answer == 7)
                for stray in strays {
                    let code = try await postgresError { try await stray.value }?.code
                    #expect(code == .connectionClosed || code == .connectionReturned)
                }
            }
        }
    }

    @Test func `a pool that is shut down refuses, and closes what comes back`() async throws {
        try await withPool(1) { pool, database in
            let waiting = try await pool.withConnection { connection in
                let waiting = Task { try await pool.query("SELECT 1") }
                try await Task.sleep(for: .milliseconds(20))
                await pool.shutDown()
                try await connection.query("SELECT 1")
                return waiting
            }
            #expect(try await postgresError { try await waiting.value }?.code == .poolClosed)
            #expect(try await postgresError { try await pool.query("SELECT 1") }?.code == .poolClosed)
            try await database.connect { observer in
                let isEmpty = try await eventually {
                    let others: Int = try await observer.value(
                        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                    return others == 0
                }
                #expect(isEmpty)
            }
        }
    }

    @Test func `a connect that fails frees its place`() async throws {
        try await withDatabase { database in
            let pool = PostgresPool(try database.configuration.withDatabase("missing"), maximumConnections: 1)
            try await withThrowingTaskGroup(of: PostgresError?.self) { group in
                for _ in 0..<5 { group.addTask { try await postgresError { try await pool.query("SELECT 1") } } }
                for try await error in group { #expect(error?.code == .connectionFailed) }
            }
        }
    }

    @Test func `a transaction of the pool commits or rolls back`() async throws {
        try await withPool(2) { pool, _ in
            try await pool.withTransaction { _ = try await $0.query("CREATE TABLE t (n int)") }
            let error = try await postgresError {
                try await pool.withTransaction(.readOnly) { _ = try await $0.query("INSERT INTO t VALUES (1)") }
            }
            #expect(error?.sqlState == .readOnlyTransaction)
            #expect(try await pool.query("SELECT FROM t").isEmpty)
        }
    }
}
