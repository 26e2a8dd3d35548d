import Postgres
import Synchronization

/// The lock that lets one runner work at a time.
///
/// A connection of its own holds `pg_try_advisory_xact_lock` in an open READ COMMITTED transaction: this survives
/// transaction pooling, frees itself when the runner dies, and pins no snapshot, so that the holder's own
/// `CREATE INDEX CONCURRENTLY` does not wait for it. It is polled: a waiter inside the server would hold a snapshot.
final class MigrationLock: Sendable {
    let connection: PostgresConnection
    private let loss = Loss()
    private let signOfLife = SignOfLife()
    private let heartbeat: Task<Void, Never>

    /// Whether the connection that holds the lock has broken, as far as the last heartbeat knows.
    var isLost: Bool { loss.isLost }

    private init(_ connection: PostgresConnection) {
        self.connection = connection
        let loss = loss
        heartbeat = Task {
            // Keeps address translators awake, and notices a lost connection between two steps.
            while (try? await Task.sleep(for: .seconds(2))) != nil {
                do {
                    try await connection.execute(script: "SELECT 1", timeout: .seconds(10))
                } catch {
                    if !Task.isCancelled { loss.note() }
                    return
                }
            }
        }
    }

    /// Takes the lock, waiting while its holder makes progress.
    ///
    /// - Throws: ``MigrationError`` of code `lockHeld` when the holder made none for `patience`.
    static func acquire(
        _ configuration: PostgresConfiguration,
        store: HistoryStore,
        patience: Duration,
        report: @Sendable (MigrationEvent) -> Void
    ) async throws -> MigrationLock {
        let connection = try await PostgresConnection.connect(to: configuration)
        do {
            try await wait(on: connection, store: store, patience: patience, report: report)
            return MigrationLock(connection)
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Whether the connection that holds the lock is there: by its socket, and asked when its last sign of life is old.
    func isHeld() async -> Bool {
        guard !isLost else { return false }
        if signOfLife.isFresh, await connection.isStillThere { return true }
        do {
            try await connection.execute(script: "SELECT 1", timeout: .seconds(10))
            signOfLife.note()
            return true
        } catch {
            if !Task.isCancelled { loss.note() }
            return Task.isCancelled
        }
    }

    func release() async {
        heartbeat.cancel()
        await connection.close()
    }

    private static func wait(
        on connection: PostgresConnection,
        store: HistoryStore,
        patience: Duration,
        report: @Sendable (MigrationEvent) -> Void
    ) async throws {
        let start = ContinuousClock.now
        var watch = HolderWatch(start: start)
        while true {
            if try await tryOnce(connection, key: key(of: store.schema)) { break }
            let activity = try await store.activity(connection)
            let now = ContinuousClock.now
            if watch.see(activity, at: now) { report(.lockWaiting(holder: activity, waited: now - start)) }
            guard now - watch.lastProgress < patience else { throw heldError(activity, patience) }
            try await Task.sleep(for: .milliseconds(Int64.random(in: 150...350)))
        }
        report(.lockAcquired(waited: ContinuousClock.now - start))
    }

    /// One attempt.
    ///
    /// On success the transaction stays open and holds the lock; otherwise it is ended.
    private static func tryOnce(_ connection: PostgresConnection, key: Int32) async throws -> Bool {
        try await connection.execute(
            script: """
                BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = 0;
                \(keepAlive)
                """
        )
        var attempt: PostgresQuery = "SELECT pg_try_advisory_xact_lock(\(namespace), \(key))"
        attempt.isCacheable = false
        let isTaken = try await connection.query(attempt).one().decode(Bool.self)
        guard isTaken else {
            try await connection.execute(script: "ROLLBACK")
            return false
        }
        // The query above leaves its portal open, which pins a snapshot; the simple protocol closes it.
        try await connection.execute(script: "SELECT 1")
        return true
    }

    /// By which the server finds out within half a minute that a runner's machine is gone, whatever its own settings.
    ///
    /// Without effect on Unix sockets, which need none; see the manual, "TCP Settings".
    static let keepAliveSettings = [
        "tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
        "tcp_user_timeout": "30s",
    ]

    /// The same as statements, and that a backend looks for its client while it works.
    static let keepAlive = """
        \(keepAliveSettings.map { "SET LOCAL \($0.key) = '\($0.value)'" }.sorted().joined(separator: "; "));
        SELECT \(clientCheck)
        """

    /// An expression that makes a backend look for its client, on servers that can do that while they work.
    static let clientCheck = """
        CASE WHEN pg_catalog.version() !~* 'windows|mingw|visual c'
            THEN pg_catalog.set_config('client_connection_check_interval', '5s', true) END
        """

    private static func heldError(_ holder: RunnerActivity?, _ patience: Duration) -> MigrationError {
        let who = holder.map { "\($0.holder), server process \($0.processID.map(String.init) ?? "unknown")" }
        let what = holder?.activity.map { ", at \($0)" } ?? ""
        return MigrationError(
            .lockHeld,
            "another runner holds the lock and made no progress for \(patience.rounded): \(who ?? "it has not said who it is")\(what)",
            hint: "wait for it, or look at it: SELECT * FROM pg_stat_activity WHERE pid = "
                + (holder?.processID.map(String.init) ?? "…"),
            exitCode: .lockHeld
        )
    }

    /// "migr" in ASCII, so that the lock can be recognised in `pg_locks`.
    static let namespace: Int32 = 0x6D69_6772

    /// Each schema with a history has a lock of its own (FNV-1a of its name).
    static func key(of schema: String) -> Int32 {
        let hash = schema.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        return Int32(bitPattern: hash)
    }

    private final class Loss: Sendable {
        private let flag = Atomic<Bool>(false)

        var isLost: Bool { flag.load(ordering: .acquiring) }

        func note() {
            flag.store(true, ordering: .releasing)
        }
    }

    /// When the connection has answered last: a step that takes a millisecond should not wait for an answer first.
    private final class SignOfLife: Sendable {
        private let last = Lock(ContinuousClock.now)

        var isFresh: Bool { last.withLock { ContinuousClock.now - $0 < .milliseconds(500) } }

        func note() { last.withLock { $0 = ContinuousClock.now } }
    }
}

/// Whether the holder of the lock moves, and when to say so again.
private struct HolderWatch {
    private(set) var lastProgress: ContinuousClock.Instant
    private var lastReport: ContinuousClock.Instant?
    private var lastActivity: RunnerActivity?

    init(start: ContinuousClock.Instant) {
        lastProgress = start
    }

    /// Takes in what the holder says; returns whether it is time to report.
    mutating func see(_ activity: RunnerActivity?, at now: ContinuousClock.Instant) -> Bool {
        if activity != lastActivity {
            lastActivity = activity
            lastProgress = now
        }
        if let lastReport, now - lastReport < .seconds(5) { return false }
        lastReport = now
        return true
    }
}
