import Logging

/// A bounded set of connections that are lent in scopes.
///
/// Who comes first is served first. A connection comes back only in good order: one left inside a transaction is rolled
/// back and named in a warning, one whose state is in doubt is closed and replaced. When the server goes away or turns
/// out to be read-only by itself (a failover), no connection of before is lent again.
///
/// Connections are opened when they are needed. ``run()`` adds the upkeep in the background; without it, old connections
/// are found when they would be lent or come back.
///
/// ```swift
/// let pool = PostgresPool(configuration, maximumConnections: 16)
/// let name = try await pool.withConnection { connection in
///     try await connection.query("SELECT name FROM sled WHERE id = \(id)").one().decode(String.self)
/// }
/// await pool.shutDown()
/// ```
///
/// Metrics and spans go to what is bootstrapped when the pool is made.
public final class PostgresPool: Sendable {
    /// What the pool was made with.
    public let options: Options
    let configuration: PostgresConfiguration
    let metrics: PoolMetrics?
    let observer: OperationObserver?
    let database = DatabaseKnowledge()
    /// From how many nanoseconds on a lease is reported as slow.
    let slowLease: UInt64
    /// What is known of the database's own types.
    public var types: PostgresTypeCatalog { database.types }
    let books: Lock<PoolBooks>
    /// The connects under way, to be cancelled at the end.
    let connects = Lock<[UInt64: Task<Void, Never>]>([:])

    /// Makes a pool; connections are opened when they are needed.
    ///
    /// - Parameters:
    ///   - configuration: How to connect.
    ///   - options: How many connections are kept, for how long, and what callers may expect.
    public init(_ configuration: PostgresConfiguration, _ options: Options = Options()) {
        self.configuration = configuration
        self.options = options
        metrics = PoolMetrics(poolName: options.name)
        observer = OperationObserver(configuration)
        slowLease = options.slowLeaseThreshold.clampedNanoseconds
        books = Lock(PoolBooks(state: PoolState(options.limits)))
    }

    /// Makes a pool of the default options but two.
    ///
    /// - Parameters:
    ///   - configuration: How to connect.
    ///   - maximumConnections: At least 1.
    ///   - acquireTimeout: Default 30 s.
    public convenience init(
        _ configuration: PostgresConfiguration,
        maximumConnections: Int,
        acquireTimeout: Duration = .seconds(30)
    ) {
        var options = Options()
        options.maximumConnections = maximumConnections
        options.acquireTimeout = acquireTimeout
        self.init(configuration, options)
    }

    /// Lends a connection to `body`.
    ///
    /// Asking for a second connection within `body` can leave all callers waiting for each other; it is named in a
    /// warning.
    ///
    /// - Parameters:
    ///   - fileID: Where the connection is lent, as warnings and time-outs name it; likewise `line`.
    ///   - line: See `fileID`.
    ///   - body: What uses the connection, which is of no use afterwards.
    /// - Returns: What `body` returns.
    /// - Throws: ``PostgresError`` of code `poolTimeout`, `poolQueueFull`, `poolClosed`, `cancelled` or
    ///   `connectionFailed`; what `body` throws.
    @discardableResult
    public func withConnection<R>(
        fileID: String = #fileID,
        line: UInt = #line,
        _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        let lease = try await acquire(CallSite(fileID: fileID, line: line))
        let connection = PostgresConnection(lease.session, observer: observer, lease: lease)
        do {
            let value = try await PoolLease.$current.withValue(.init(lease: lease)) { try await body(connection) }
            await giveBack(lease, from: connection)
            return value
        } catch {
            if let error = error as? PostgresError { lease.note(error) }
            let error = await lease.session.naming(error)
            await giveBack(lease, from: connection)
            throw error
        }
    }

    /// Lends a connection and runs `body` in a transaction; see ``PostgresConnection/withTransaction(_:_:)``.
    ///
    /// - Throws: as that and ``withConnection(fileID:line:_:)``.
    @discardableResult
    public func withTransaction<R>(
        _ options: TransactionOptions = TransactionOptions(),
        fileID: String = #fileID,
        line: UInt = #line,
        _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        try await withConnection(fileID: fileID, line: line) { connection in
            try await connection.withTransaction(options, body)
        }
    }

    /// Runs `body` in a transaction, and again in a new one when it collided with others; see
    /// ``PostgresConnection/withTransaction(_:retry:_:)``.
    ///
    /// No connection is held during the pauses.
    ///
    /// - Throws: as that and ``withConnection(fileID:line:_:)``.
    @discardableResult
    public func withTransaction<R>(
        _ options: TransactionOptions = TransactionOptions(),
        retry: TransactionRetry,
        fileID: String = #fileID,
        line: UInt = #line,
        _ body: (PostgresConnection, _ attempt: Int) async throws -> R
    ) async throws -> R {
        try await retry.run { attempt in
            try await withConnection(fileID: fileID, line: line) { connection in
                try await connection.attemptTransaction(options) { try await body($0, attempt) }
            }
        }
    }

    /// Runs one statement on any connection; see ``PostgresConnection/query(_:timeout:)``.
    ///
    /// - Returns: The rows, which may be none.
    /// - Throws: as that and ``withConnection(fileID:line:_:)``.
    @discardableResult
    public func query(
        _ query: PostgresQuery,
        timeout: Duration? = nil,
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws(PostgresError) -> PostgresRows {
        let lease = try await acquire(CallSite(fileID: fileID, line: line))
        do throws(PostgresError) {
            let rows = try await OperationObserver.observe(observer, query.sql) { () async throws(PostgresError) in
                try await lease.session.query(query, timeout: timeout)
            }
            await giveBack(lease, from: nil)
            return rows
        } catch {
            lease.note(error)
            await giveBack(lease, from: nil)
            throw error
        }
    }

    /// How many connections are lent.
    var inUse: Int { books.withLock { $0.state.lent } }
}

/// What the pool's lock protects.
struct PoolBooks {
    var state: PoolState<Session>
    var leases = PoolLeases()
    /// Those who wait until nothing is lent.
    var drains: [CheckedContinuation<Void, Never>] = []
    /// Call sites that were warned of.
    var warned: Set<CallSite> = []
    /// When connections were last expired for being those of a server that is no more what it was.
    var lastExpiry: MonotonicTime?

    /// The holders that hold longest, longest first.
    func longestHolders(_ count: Int = 3) -> [PoolLease] {
        Array(leases.all.sorted { $0.start < $1.start }.prefix(count))
    }
}

extension PostgresPool.Options {
    var limits: PoolState<Session>.Limits {
        let maximum = max(1, maximumConnections)
        return PoolState<Session>.Limits(
            minimum: min(max(0, minimumConnections), maximum),
            minimumIdle: min(max(0, minimumIdleConnections), maximum),
            maximum: maximum,
            waiters: maximumWaiters,
            parallelConnects: maximumParallelConnects,
            idleTimeout: idleTimeout.clampedNanoseconds,
            maximumBackoff: maximumConnectBackoff.clampedNanoseconds
        )
    }
}

extension Duration {
    /// The duration in nanoseconds; below zero is zero, beyond the range is its end.
    var clampedNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, late) = whole.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000)
        return overflow || late ? .max : sum
    }
}
