import EphemeralPostgres
import Logging
import Postgres
import TestSupport
import Testing

struct PoolUpkeepTests {
    @Test func `what is unused for too long is closed down to the minimum`() async throws {
        try await withPool {
            $0.minimumConnections = 1
            $0.idleTimeout = .milliseconds(50)
        } _: { pool, database in
            try await database.connect { observer in
                let first = try await pool.fill(4)
                #expect(first.count == 4)
                #expect(try await observer.otherSessions == 4)
                let upkeep = Task { await pool.run() }
                #expect(try await eventually { try await observer.otherSessions == 1 })
                await pool.shutDown()
                await upkeep.value
                #expect(try await eventually { try await observer.otherSessions == 0 })
            }
        }
    }

    @Test func `the minimum is opened by the upkeep, and again when it was lost`() async throws {
        try await withPool {
            $0.minimumConnections = 3
            $0.idleTimeout = .milliseconds(40)
        } _: { pool, database in
            try await database.connect { observer in
                let upkeep = Task { await pool.run() }
                let isFull = try await eventually { try await observer.otherSessions == 3 }
                #expect(isFull)
                upkeep.cancel()
                await upkeep.value
                #expect(try await postgresError { try await pool.query("SELECT 1") }?.code == .poolClosed)
            }
        }
    }

    /// Pain: a lifetime that ends while a query is in flight kills it.
    @Test func `a connection that grows too old is replaced when it comes back, never before`() async throws {
        try await withPool {
            $0.maximumConnections = 1
            $0.maximumLifetime = .milliseconds(100)
        } _: { pool, _ in
            let upkeep = Task { await pool.run() }
            let first = try await pool.withConnection { connection in
                try await connection.query("SELECT pg_sleep(0.3)")
                return await connection.backendProcessID
            }
            #expect(try await pool.backendProcessID != first)
            await pool.shutDown()
            await upkeep.value
        }
    }

    @Test func `a pool whose connections are all ended recovers`() async throws {
        try await withPool {
            $0.maximumConnections = 4
        } _: { pool, database in
            try await database.connect { observer in
                let first = try await pool.fill(4)
                for processID in first { try await observer.terminate(processID) }
                // Used within the last second, they are taken at their word: one caller at most hears of it.
                let error = try await postgresError { try await pool.query("SELECT 1") }
                #expect(error == nil || error?.sqlState == .adminShutdown)
                let second = try await pool.fill(4)
                #expect(second.isDisjoint(with: first))
                #expect(second.count == 4)
            }
        }
    }

    /// Pain: pinned to a demoted node after a failover.
    @Test func `pain 9: a server that takes no writes any more is left`() async throws {
        try await withDatabase { database in
            try await database.connect { observer in
                try await observer.execute(script: "CREATE TABLE t (n int)")
                let name = PostgresQuery.quote(identifier: database.name)
                try await observer.execute(script: "ALTER DATABASE \(name) SET default_transaction_read_only = on")
                let recorder = LogRecorder()
                var configuration = try database.configuration
                configuration.logger = recorder.logger
                let pool = PostgresPool(configuration)
                let first = try await pool.fill(3)
                try await observer.execute(script: "ALTER DATABASE \(name) RESET default_transaction_read_only")
                // The error is swallowed in the scope, and yet seen.
                try await pool.withConnection { connection in
                    let error = try await postgresError { try await connection.query("INSERT INTO t VALUES (1)") }
                    #expect(error?.sqlState == .readOnlyTransaction)
                }
                try await pool.query("INSERT INTO t VALUES (2)")
                #expect(try await pool.fill(3).isDisjoint(with: first))
                #expect(recorder.lines.contains { $0.hasPrefix("notice connections are replaced") })
                await pool.shutDown()
            }
        }
    }

    @Test func `a write in a transaction that is read-only by choice expires nothing`() async throws {
        try await withPool { _ in
        } _: { pool, _ in
            try await pool.query("CREATE TABLE t (n int)")
            let first = try await pool.backendProcessID
            let error = try await postgresError {
                try await pool.withTransaction(.readOnly) { _ = try await $0.query("INSERT INTO t VALUES (1)") }
            }
            #expect(error?.sqlState == .readOnlyTransaction)
            #expect(try await pool.backendProcessID == first)
        }
    }

    /// Pain: everybody connects at once when the server comes back, and whoever waits fails meanwhile.
    @Test func `a server that comes back within the time is waited for`() async throws {
        try await EphemeralServer.withServer { server in
            var configuration = try PostgresConfiguration(server.connectionString(database: "postgres"))
            configuration.logger.logLevel = .critical
            let pool = PostgresPool(configuration, maximumConnections: 4)
            let first = try await pool.fill(4)
            try await server.stop(mode: .immediate)
            _ = try await postgresError { try await pool.query("SELECT 1") }
            let waiting = (0..<8).map { number in
                Task { try await pool.query("SELECT \(number)").one().decode(at: 0, as: Int.self) }
            }
            try await server.resume()
            for (number, task) in waiting.enumerated() { #expect(try await task.value == number) }
            #expect(try await pool.fill(4).isDisjoint(with: first))
            await pool.shutDown()
        }
    }

    @Test func `a refusal that trying again cannot change reaches who waits, also after the pool was connected`()
        async throws
    {
        try await withDatabase { database in
            try await database.connect { observer in
                try await observer.execute(script: "CREATE ROLE guest LOGIN")
                var configuration = try PostgresConfiguration(database.connectionString + " user=guest")
                configuration.logger.logLevel = .critical
                // Waiting for this time would fail the run by its length.
                let pool = PostgresPool(configuration, maximumConnections: 2, acquireTimeout: .seconds(3600))
                try await pool.query("SELECT 1")
                try await observer.execute(script: "ALTER ROLE guest NOLOGIN")
                try await pool.withConnection { _ in
                    let error = try await postgresError { try await pool.query("SELECT 1") }
                    #expect(error?.code == .connectionFailed)
                    #expect(error?.message.contains("not permitted to log in") == true)
                }
                await pool.shutDown()
                try await observer.execute(script: "DROP ROLE guest")
            }
        }
    }

    @Test func `a queue that is full refuses at once`() async throws {
        try await withPool {
            $0.maximumConnections = 1
            $0.maximumWaiters = 1
        } _: { pool, _ in
            try await pool.withConnection { _ in
                try await withThrowingTaskGroup { group in
                    for _ in 0..<2 { group.addTask { try await pool.query("SELECT 1") } }
                    // Whichever comes second; the other waits until it is cancelled.
                    let refused = try await postgresError { try await group.next() }
                    #expect(refused?.code == .poolQueueFull)
                    group.cancelAll()
                    let waiting = try await postgresError { try await group.next() }
                    #expect(waiting?.code == .cancelled)
                }
            }
        }
    }

    @Test func `each new connection is prepared before it is lent, and closed when that fails`() async throws {
        let failures = Shared(1)
        try await withPool {
            $0.maximumConnections = 1
            $0.prepareConnection = { connection throws(PostgresError) in
                try await connection.query("SET work_mem = '5MB'")
                let mustFail = failures.withLock { count in
                    count -= 1
                    return count >= 0
                }
                if mustFail { throw PostgresError(.unexpectedResult, "not yet") }
            }
        } _: { pool, _ in
            #expect(try await postgresError { try await pool.query("SELECT 1") }?.message == "not yet")
            let memory: String = try await pool.query("SHOW work_mem").one().decode(at: 0)
            #expect(memory == "5MB")
        }
    }

    @Test func `each idle connection is shown before the pool closes it, a broken one is not`() async throws {
        let seen = Shared<[Int32]>([])
        try await withPool {
            $0.maximumConnections = 3
            $0.beforeClosing = { connection in
                let process = try? await connection.query("SELECT pg_backend_pid()").one().decode(Int32.self)
                seen.withLock { $0.append(process ?? 0) }
            }
        } _: { pool, database in
            let first = try await pool.withConnection { await $0.backendProcessID }
            pool.expireConnections()
            #expect(try await eventually { seen.withLock { $0 } == [first] })
            let broken = try await pool.withConnection { connection in
                let process = await connection.backendProcessID
                try await database.connect { try await $0.terminate(process) }
                _ = try? await connection.query("SELECT 1")
                return process
            }
            let last = try await pool.withConnection { await $0.backendProcessID }
            await pool.shutDown()
            #expect(broken != last)
            #expect(seen.withLock { $0 } == [first, last])
        }
    }

    @Test func `what to connect with is asked before each connect`() async throws {
        let asked = Shared(0)
        try await withPool {
            $0.maximumConnections = 2
            $0.beforeConnecting = { configuration throws(PostgresError) in
                let number = asked.withLock { count in
                    count += 1
                    return count
                }
                guard number > 1 else { throw PostgresError(.invalidConfiguration, "no token yet") }
                var current = configuration
                current.applicationName = "token \(number)"
                return current
            }
        } _: { pool, _ in
            #expect(try await postgresError { try await pool.query("SELECT 1") }?.message == "no token yet")
            var names: [String] = []
            try await pool.withConnection { first in
                names.append(try await first.query("SHOW application_name").one().decode(at: 0))
                names.append(try await pool.query("SHOW application_name").one().decode(at: 0))
            }
            #expect(names == ["token 2", "token 3"])
        }
    }
}
