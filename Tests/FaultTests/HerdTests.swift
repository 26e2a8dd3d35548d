import EphemeralPostgres
import TestSupport
import Testing

@testable import Postgres

/// Thousands who want a connection of a small pool at once.
@Suite struct HerdTests {
    private static let tasks = 5000
    private static let connections = 8

    @Test func `five thousand tasks on a pool of eight are served in turn, by eight connections, and none is left`()
        async throws
    {
        try await EphemeralServer.withServer { server in
            let configuration = try PostgresConfiguration(server.connectionString(database: "postgres"))
            var options = PostgresPool.Options()
            options.maximumConnections = Self.connections
            options.maximumWaiters = Self.tasks
            options.acquireTimeout = .seconds(600)
            let pool = PostgresPool(configuration, options)
            let log = HerdLog(tasks: Self.tasks, connections: Self.connections)
            try await Self.serve(pool, log)
            let served = log.state
            #expect(served.first == Self.tasks)
            #expect(served.second == Self.tasks)
            #expect(served.overtakings == 0)
            #expect(served.mostSessions == Self.connections)
            #expect(OpenSockets.count(to: server) == Self.connections)
            await pool.shutDown()
            #expect(OpenSockets.count(to: server) == 0)
            #expect(try await ServerSessions.waitUntilAlone(configuration))
            FaultRun.tell(
                "\(Self.tasks) tasks at once on a pool of \(Self.connections)",
                "each was served twice, nobody a second time before everybody a first time, by "
                    + "\(served.mostSessions) connections at most; one more was refused; connections and descriptors left: 0"
            )
        }
    }

    /// Lets everybody queue while all connections are held, then serves them.
    private static func serve(_ pool: PostgresPool, _ log: HerdLog) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<connections {
                group.addTask { try await pool.withConnection { _ in try await until { log.state.isOpen } } }
            }
            try await until { pool.inUse == connections }
            for _ in 0..<tasks {
                group.addTask {
                    log.note(try await sessions(pool), isFirst: true)
                    log.note(try await sessions(pool), isFirst: false)
                }
            }
            try await until { pool.books.withLock { $0.state.waiters.count } == tasks }
            let refused = await #expect(throws: PostgresError.self) { try await pool.query("SELECT 1") }
            #expect(refused?.code == .poolQueueFull)
            log.open()
            try await group.waitForAll()
        }
    }

    private static func sessions(_ pool: PostgresPool) async throws -> Int {
        try await pool.query("SELECT count(*)::int4 FROM pg_stat_activity WHERE backend_type = 'client backend'").one()
            .decode(at: 0)
    }

    private static func until(_ condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(1)) }
    }
}

/// In which order a herd was served.
private final class HerdLog: Sendable {
    struct State {
        var isOpen = false
        var first = 0
        var second = 0
        /// Second turns before everybody had a first one.
        var overtakings = 0
        var mostSessions = 0
    }

    private let tasks: Int
    private let connections: Int
    private let log = Lock(State())

    init(tasks: Int, connections: Int) {
        self.tasks = tasks
        self.connections = connections
    }

    var state: State { log.withLock { $0 } }

    func open() {
        log.withLock { $0.isOpen = true }
    }

    func note(_ sessions: Int, isFirst: Bool) {
        log.withLock { state in
            state.mostSessions = max(state.mostSessions, sessions)
            state.first += isFirst ? 1 : 0
            state.second += isFirst ? 0 : 1
            // Those who have a connection may not have told yet.
            if !isFirst, state.first < tasks - connections { state.overtakings += 1 }
        }
    }
}
