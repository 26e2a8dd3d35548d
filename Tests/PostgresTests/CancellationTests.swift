import EphemeralPostgres
import Glibc
import Postgres
import TestSupport
import Testing

struct CancellationTests {
    /// Pain: cancellation leaves the query running on the server and its locks held.
    @Test func `pain 6: a cancelled task stops the server and keeps the connection`() async throws {
        try await withDatabase { database in
            try await database.connect { observer in
                try await database.connect { connection in
                    let processID = await connection.backendProcessID
                    let task = Task { try await connection.query("SELECT pg_sleep(60)") }
                    #expect(try await eventually { try await observer.isSleeping(processID) })
                    task.cancel()
                    let error = try await postgresError { try await task.value }
                    #expect(error?.code == .cancelled)
                    #expect(error?.nothingWasSent == false)
                    #expect(try await observer.state(ofBackend: processID) == "idle")
                    #expect(await connection.backendProcessID == processID)
                }
            }
        }
    }

    @Test func `a timeout stops the server and keeps the connection`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let processID = await connection.backendProcessID
                let given = try await postgresError {
                    try await connection.query("SELECT pg_sleep(60)", timeout: .milliseconds(50))
                }
                let script = try await postgresError {
                    try await connection.execute(script: "SELECT 1; SELECT pg_sleep(60)", timeout: .milliseconds(50))
                }
                #expect(given?.code == .deadlineExceeded)
                #expect(script?.code == .deadlineExceeded)
                #expect(given?.sqlState == .queryCanceled)
                #expect(await connection.backendProcessID == processID)
            }
            try await database.connect({ $0.queryTimeout = .milliseconds(50) }) { connection in
                let error = try await postgresError { try await connection.query("SELECT pg_sleep(60)") }
                #expect(error?.code == .deadlineExceeded)
                try await connection.query("SELECT pg_sleep(0.1)", timeout: .seconds(60))
            }
        }
    }

    @Test func `cancelled before it is sent, nothing is sent`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let task = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    try await connection.query("CREATE TABLE t ()")
                }
                let error = try await postgresError { try await task.value }
                #expect(error?.code == .cancelled)
                #expect(error?.nothingWasSent == true)
                let isThere: Bool = try await connection.value("SELECT to_regclass('t') IS NOT NULL")
                #expect(!isThere)
            }
        }
    }

    @Test func `a task that waits for its turn can be cancelled and times out`() async throws {
        try await withDatabase { database in
            try await database.connect { observer in
                try await database.connect { connection in
                    let processID = await connection.backendProcessID
                    let long = Task { try await connection.query("SELECT pg_sleep(60)") }
                    #expect(try await eventually { try await observer.isSleeping(processID) })
                    let waiting = Task { try await connection.query("SELECT 1") }
                    let late = try await postgresError {
                        try await connection.query("SELECT 1", timeout: .milliseconds(20))
                    }
                    #expect(late?.code == .deadlineExceeded)
                    #expect(late?.nothingWasSent == true)
                    waiting.cancel()
                    let error = try await postgresError { try await waiting.value }
                    #expect(error?.code == .cancelled)
                    #expect(error?.nothingWasSent == true)
                    #expect(try await observer.isSleeping(processID))
                    long.cancel()
                    #expect(try await postgresError { try await long.value }?.code == .cancelled)
                }
            }
        }
    }

    /// Pain: a late cancel hits the next query.
    @Test func `pain 5: random cancels never hit another query`() async throws {
        try await withDatabase { database in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for seed in 0..<3 {
                    group.addTask { try await cancelRandomly(database, seed: UInt64(seed)) }
                }
                let cancelled = try await group.reduce(0, +)
                #expect(cancelled > 10)
            }
        }
    }

    private func cancelRandomly(_ database: TestDatabase, seed: UInt64) async throws -> Int {
        var generator = SeededGenerator(seed: seed)
        var cancelled = 0
        try await database.connect { connection in
            let processID = await connection.backendProcessID
            for round in 0..<100 {
                let delay = Duration.microseconds(Int.random(in: 0...12_000, using: &generator))
                let task = Task { try await connection.query("SELECT pg_sleep(0.01)") }
                try await Task.sleep(for: delay)
                task.cancel()
                do {
                    _ = try await task.value
                } catch let error as PostgresError {
                    #expect(error.code == .cancelled)
                    cancelled += 1
                }
                let answer: Int = try await connection.value("SELECT \(round)")
                #expect(answer == round)
            }
            #expect(await connection.backendProcessID == processID)
        }
        return cancelled
    }

    @Test func `a frozen server costs the connection, not the caller`() async throws {
        try await withDatabase { database in
            try await database.connect { observer in
                for isTimeout in [true, false] {
                    let processID = try await freeze(database, observer, isTimeout: isTimeout)
                    kill(processID, SIGCONT)
                    #expect(try await eventually { try await observer.state(ofBackend: processID) == nil })
                }
            }
        }
    }

    private func freeze(_ database: TestDatabase, _ observer: PostgresConnection, isTimeout: Bool) async throws -> Int32
    {
        var configuration = try database.configuration
        configuration.cancelTimeout = .milliseconds(200)
        let connection = try await PostgresConnection.connect(to: configuration)
        let processID = await connection.backendProcessID
        let timeout: Duration? = isTimeout ? .seconds(3) : nil
        let task = Task { try await connection.query("SELECT pg_sleep(60)", timeout: timeout) }
        #expect(try await eventually { try await observer.isSleeping(processID) })
        kill(processID, SIGSTOP)
        if !isTimeout { task.cancel() }
        let error = try await postgresError { try await task.value }
        #expect(error?.code == (isTimeout ? .deadlineExceeded : .cancelled))
        #expect(error?.message.contains("did not answer a cancel request within 0.2 seconds") == true)
        // It may still finish, and commit.
        #expect(error?.mayHaveCommitted == true)
        #expect(await connection.isClosed)
        let next = try await postgresError { try await connection.query("SELECT 1") }
        #expect(next?.code == .connectionClosed)
        #expect(next?.nothingWasSent == true)
        return processID
    }

    @Test func `a cancel request that is never taken cannot hit a later query`() async throws {
        // A server of its own: its postmaster, which takes cancel requests, is stopped.
        try await EphemeralServer.withServer { server in
            var configuration = try PostgresConfiguration(server.connectionString(database: "postgres"))
            configuration.cancelTimeout = .milliseconds(300)
            for _ in 0..<3 {
                let connection = try await PostgresConnection.connect(to: configuration)
                let postmaster = try #require(server.processID)
                kill(postmaster, SIGSTOP)
                let error = try await postgresError {
                    try await connection.query("SELECT pg_sleep(0.2)", timeout: .milliseconds(50))
                }
                let isClosed = await connection.isClosed
                kill(postmaster, SIGCONT)
                #expect(error?.code == .deadlineExceeded)
                #expect(isClosed)
            }
        }
    }
}
