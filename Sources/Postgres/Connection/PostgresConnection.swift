import CLibPQ
import Synchronization

/// A connection to a PostgreSQL server.
///
/// It may be used from several tasks; their statements take turns. A connection that a scope lends ends with it: used
/// afterwards it throws `connectionReturned`.
///
/// ```swift
/// try await PostgresConnection.withConnection(to: configuration) { connection in
///     let rows = try await connection.query("SELECT id FROM vmm WHERE sled_id = \(sled)")
///     try await connection.withTransaction { connection in
///         try await connection.query("UPDATE vmm SET state = \(state) WHERE id = \(id)")
///     }
/// }
/// ```
public final class PostgresConnection: Sendable {
    let session: Session
    /// What is known of the database's own types; a pool's connections have it in common.
    public var types: PostgresTypeCatalog { session.database.types }
    private let observer: OperationObserver?
    /// Whether somebody receives spans or metrics.
    var isObserved: Bool { observer != nil }
    /// Of a pool's connection.
    private let lease: PoolLease?
    private let isReturned = Atomic<Bool>(false)

    init(_ session: Session, observer: OperationObserver?, lease: PoolLease? = nil) {
        self.session = session
        self.observer = observer
        self.lease = lease
    }

    /// Connects.
    ///
    /// The caller closes the connection; ``withConnection(to:_:)`` does so by itself.
    ///
    /// - Throws: ``PostgresError`` of code `connectionFailed` naming host and cause, `cancelled`.
    public static func connect(to configuration: PostgresConfiguration) async throws(PostgresError)
        -> PostgresConnection
    {
        PostgresConnection(try await Session.open(configuration), observer: OperationObserver(configuration))
    }

    /// Connects, lends the connection to `body`, and closes it.
    ///
    /// - Throws: as ``connect(to:)``, and what `body` throws.
    @discardableResult
    public static func withConnection<R>(
        to configuration: PostgresConfiguration,
        _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        let connection = try await connect(to: configuration)
        do {
            let value = try await body(connection)
            await connection.end()
            return value
        } catch {
            let error = await connection.session.naming(error)
            await connection.end()
            throw error
        }
    }

    /// Runs one statement and returns its rows; for statements without rows see ``PostgresRows/commandTag``.
    ///
    /// Used again, the statement is prepared and kept so. When the task is cancelled or the timeout passes, the server
    /// is told to stop and the call returns once it did: the connection is then usable again, or closed. A statement
    /// that finished in that moment is a success.
    ///
    /// - Parameters:
    ///   - query: The statement; interpolated values are bound.
    ///   - timeout: How long it may take; nil takes the configuration's `queryTimeout`.
    /// - Returns: The rows, which may be none.
    /// - Throws: ``PostgresError``: `server`, `cancelled`, `deadlineExceeded`, `connectionClosed`, `encodingFailed`.
    ///   No row is not an error. The corresponding libpq functions are `PQsendQueryParams` and `PQsendQueryPrepared`.
    @discardableResult
    public func query(_ query: PostgresQuery, timeout: Duration? = nil) async throws(PostgresError) -> PostgresRows {
        try checkLease()
        return try await observed(query.sql) { () async throws(PostgresError) in
            try await session.query(query, timeout: timeout)
        }
    }

    /// Runs SQL text of any number of statements, without parameters and without reading rows.
    ///
    /// Outside a transaction the server runs all of it as one. The first error ends it; its position counts characters
    /// of the whole text.
    ///
    /// - Returns: A command tag for each statement.
    /// - Throws: ``PostgresError`` as ``query(_:timeout:)``. The corresponding libpq function is `PQsendQuery`.
    @discardableResult
    public func execute(script sql: String, timeout: Duration? = nil) async throws(PostgresError) -> [CommandTag] {
        try checkLease()
        return try await observed(sql) { () async throws(PostgresError) in
            try await session.script(sql, timeout: timeout)
        }
    }

    /// Runs what sends a statement: measured, traced, and its errors noted for the pool, also those caught in the scope.
    func observed<R, Failure: Error>(
        _ sql: String,
        _ operation: () async throws(Failure) -> R
    ) async throws(Failure) -> R {
        do throws(Failure) {
            return try await OperationObserver.observe(observer, sql, operation)
        } catch {
            if let error = error as? PostgresError { lease?.note(error) }
            throw error
        }
    }

    /// The same for what answers with its error.
    func observed(_ sql: String, _ operation: () async -> PostgresError?) async -> PostgresError? {
        do throws(PostgresError) {
            try await observed(sql) { () async throws(PostgresError) in
                if let error = await operation() { throw error }
            }
            return nil
        } catch {
            return error
        }
    }

    /// The version of libpq that is loaded: `15.20`.
    ///
    /// The corresponding libpq function is `PQlibVersion`.
    public static var libraryVersion: String {
        let number = PQlibVersion()
        return "\(number / 10_000).\(number % 10_000)"
    }

    /// Closes the connection; what was open is rolled back by the server.
    ///
    /// Closing twice is no error, nor is closing a connection that was returned, which does nothing.
    public func close() async {
        // Another caller may have the session by now.
        guard !isReturned.load(ordering: .acquiring) else { return }
        await session.close()
    }

    private func end() async {
        markReturned()
        await session.close()
    }

    /// Whether the connection was closed or has broken, as far as is known without asking the server.
    public var isClosed: Bool {
        get async { await session.isClosed }
    }

    /// The server process that serves this connection.
    ///
    /// The corresponding libpq function is `PQbackendPID`.
    public var backendProcessID: Int32 {
        get async { await session.processID }
    }

    /// The server's version as a number, 150020 for 15.20; 0 once closed.
    ///
    /// The corresponding libpq function is `PQserverVersion`.
    public var serverVersion: Int {
        get async { await session.serverVersion }
    }

    /// Whether the session is inside a transaction, as the server last reported.
    public var isInTransaction: Bool {
        get async {
            let status = await session.transactionStatus
            return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
        }
    }

    /// A setting that the server reports by itself, such as `server_version` or `in_hot_standby`.
    ///
    /// The corresponding libpq function is `PQparameterStatus`.
    public func reportedSetting(_ name: String) async -> String? {
        await session.parameterStatus(name)
    }

    /// Ends the lease: the handle cannot be used any more, the session can.
    func markReturned() {
        isReturned.store(true, ordering: .releasing)
    }

    func checkLease() throws(PostgresError) {
        guard !isReturned.load(ordering: .acquiring) else {
            throw PostgresError(
                .connectionReturned,
                "the connection was used after the scope that lent it",
                nothingWasSent: true
            )
        }
    }
}
