import CLibPQ
import Logging
import Synchronization

/// A bounded set of connections that are lent in scopes.
///
/// Who comes first is served first. A connection comes back only in good order: one left inside a transaction is rolled
/// back and named in a warning, one whose state is in doubt is closed and replaced.
///
/// ```swift
/// let pool = PostgresPool(configuration, maximumConnections: 16)
/// let name = try await pool.withConnection { connection in
///     try await connection.query("SELECT name FROM sled WHERE id = \(id)").one().decode(String.self)
/// }
/// await pool.shutDown()
/// ```
public final class PostgresPool: Sendable {
    /// How many connections there are at most.
    public let maximumConnections: Int
    /// How long a caller waits for a connection before `poolTimeout` is thrown.
    public let acquireTimeout: Duration
    let configuration: PostgresConfiguration
    private let state: Mutex<PoolState<Session>>

    /// Makes a pool; connections are opened when they are needed.
    ///
    /// - Parameters:
    ///   - configuration: How to connect.
    ///   - maximumConnections: At least 1. Default 10.
    ///   - acquireTimeout: Default 30 s.
    public init(
        _ configuration: PostgresConfiguration,
        maximumConnections: Int = 10,
        acquireTimeout: Duration = .seconds(30)
    ) {
        self.configuration = configuration
        self.maximumConnections = max(1, maximumConnections)
        self.acquireTimeout = acquireTimeout
        state = Mutex(PoolState(maximum: maximumConnections))
    }

    /// Lends a connection to `body`.
    ///
    /// - Throws: ``PostgresError`` of code `poolTimeout`, `poolClosed`, `cancelled` or `connectionFailed`; what `body`
    ///   throws.
    @discardableResult
    public func withConnection<R>(_ body: (PostgresConnection) async throws -> R) async throws -> R {
        let session = try await acquire()
        let connection = PostgresConnection(session)
        do {
            let value = try await body(connection)
            await giveBack(session, from: connection)
            return value
        } catch {
            await giveBack(session, from: connection)
            throw error
        }
    }

    /// Lends a connection and runs `body` in a transaction; see ``PostgresConnection/withTransaction(_:_:)``.
    ///
    /// - Throws: as that and ``withConnection(_:)``.
    @discardableResult
    public func withTransaction<R>(
        _ options: TransactionOptions = TransactionOptions(),
        _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        try await withConnection { connection in
            try await connection.withTransaction(options, body)
        }
    }

    /// Runs one statement on any connection; see ``PostgresConnection/query(_:timeout:)``.
    ///
    /// - Returns: The rows, which may be none.
    /// - Throws: as that and ``withConnection(_:)``.
    @discardableResult
    public func query(_ query: PostgresQuery, timeout: Duration? = nil) async throws(PostgresError) -> PostgresRows {
        let session = try await acquire()
        do throws(PostgresError) {
            let rows = try await session.query(query, timeout: timeout)
            await giveBack(session, from: nil)
            return rows
        } catch {
            await giveBack(session, from: nil)
            throw error
        }
    }

    /// Refuses new callers, closes idle connections and those lent once they come back.
    public func shutDown() async {
        let (idle, waiters) = state.withLock { $0.close() }
        for waiter in waiters { waiter.resume(.refused(PoolState<Session>.closedError)) }
        for session in idle { await session.close() }
    }

    /// How many connections are lent or being opened.
    var inUse: Int { state.withLock { $0.inUse } }

    private func acquire() async throws(PostgresError) -> Session {
        let grant: PoolState<Session>.Grant
        if let now = state.withLock({ $0.takeNow() }) {
            grant = now
        } else {
            grant = await wait()
        }
        switch grant {
        case .session(let session):
            if await session.isReady() { return session }
            // Broken while it was idle: a new one takes its place, which stays ours.
            await session.close()
            return try await open()
        case .permission:
            return try await open()
        case .refused(let error):
            throw error
        }
    }

    private func open() async throws(PostgresError) -> Session {
        do throws(PostgresError) {
            return try await Session.open(configuration)
        } catch {
            state.withLock { $0.drop() }?.resume(.permission)
            throw error
        }
    }

    private func wait() async -> PoolState<Session>.Grant {
        let id = state.withLock { $0.nextID() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                enqueue(.init(id: id, deadline: MonotonicTime.after(acquireTimeout), continuation: continuation))
                // Cancelled before it was queued: the handler has run and found nobody.
                if Task.isCancelled { refuseCancelled(id) }
            }
        } onCancel: {
            refuseCancelled(id)
        }
    }

    private func enqueue(_ waiter: PoolState<Session>.Waiter) {
        let (grant, mustWatch) = state.withLock { $0.enqueue(waiter) }
        if let grant { waiter.resume(grant) }
        if mustWatch { Task { [weak self] in await self?.watchDeadlines() } }
    }

    private func watchDeadlines() async {
        while let deadline = state.withLock({ $0.nextDeadline() }) {
            try? await Task.sleep(for: deadline.remaining() + .milliseconds(1))
            let now = MonotonicTime.now()
            let (expired, error) = state.withLock { ($0.takeExpired(now: now), timeoutError($0)) }
            for waiter in expired { waiter.resume(.refused(error)) }
        }
    }

    private func timeoutError(_ state: PoolState<Session>) -> PostgresError {
        PostgresError(
            .poolTimeout,
            "no connection became free within \(acquireTimeout): \(state.inUse) of \(maximumConnections) in use, "
                + "\(state.waiters.count) more waiting",
            nothingWasSent: true
        )
    }

    private func refuseCancelled(_ id: UInt64) {
        let waiter = state.withLock { $0.removeWaiter(id) }
        waiter?.resume(
            .refused(
                PostgresError(.cancelled, "the task was cancelled while waiting for a connection", nothingWasSent: true)
            )
        )
    }

    /// Ends a lease.
    ///
    /// Cleaning up runs in a task of its own, which does not inherit a cancellation.
    private func giveBack(_ session: Session, from connection: PostgresConnection?) async {
        connection?.markReturned()
        var isClean = await session.isIdle
        if !isClean {
            configuration.logger.warning("a connection came back in an open transaction or broken; it was cleaned up")
            isClean = await Task { await session.cleanUp() }.value
        }
        guard isClean else { return await discard(session) }
        let (waiter, mustClose) = state.withLock { $0.giveBack(session) }
        waiter?.resume(.session(session))
        if mustClose { await session.close() }
    }

    private func discard(_ session: Session) async {
        await session.close()
        state.withLock { $0.drop() }?.resume(.permission)
    }
}

extension Session {
    /// Whether nothing is open: no transaction, no unread result, no task that waits for its turn.
    var isIdle: Bool { !isClosed && !isInUse && transactionStatus == PQTRANS_IDLE }

    /// Whether an idle connection is still there, as far as its socket tells; costs no round trip.
    ///
    /// A session used within the last second is taken at its word; that saves a system call for most checkouts.
    func isReady() -> Bool {
        guard let handle, transactionStatus == PQTRANS_IDLE else { return false }
        let age = MonotonicTime.now().nanoseconds &- lastUse.nanoseconds
        return age < 1_000_000_000 || handle.isAlive()
    }

    /// Rolls back what was left open.
    ///
    /// Returns whether the session can be used again.
    func cleanUp() async -> Bool {
        guard !isClosed, !isInUse, transactionStatus == PQTRANS_INTRANS || transactionStatus == PQTRANS_INERROR else {
            return false
        }
        return await rollBack(.transaction) == nil && isIdle
    }
}
