/// Why an operation failed, in one type for the whole module.
///
/// `description` is safe to show: SQLSTATE and message, never a bound value, a password, or the server's detail (which
/// may quote rows). `debugDescription` adds every field of the server.
///
/// ```swift
/// do {
///     try await connection.query("INSERT INTO sled (id) VALUES (\(id))")
/// } catch let error as PostgresError where error.sqlState == .uniqueViolation {
///     print(error.server?.constraint ?? "")
/// }
/// ```
public struct PostgresError: Error, Sendable, Hashable {
    /// What kind of failure it is.
    ///
    /// Open: later versions may add codes.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        init(_ description: String) {
            self.description = description
        }

        /// The connection string or a setting cannot be used.
        public static let invalidConfiguration = Code("invalidConfiguration")
        /// No connection could be made: unreachable, refused, or not authenticated.
        public static let connectionFailed = Code("connectionFailed")
        /// The connection broke while it was used, or is closed.
        public static let connectionClosed = Code("connectionClosed")
        /// The connection was used after the scope that lent it.
        public static let connectionReturned = Code("connectionReturned")
        /// The server reported an error; see ``PostgresError/server``.
        public static let server = Code("server")
        /// The task was cancelled, and the server stopped working on the statement.
        public static let cancelled = Code("cancelled")
        /// The deadline passed, and the server stopped working on the statement.
        public static let deadlineExceeded = Code("deadlineExceeded")
        /// A statement of a pipeline was not executed because one before it had failed.
        public static let notExecuted = Code("notExecuted")
        /// COMMIT was answered by ROLLBACK: an earlier statement had failed.
        public static let transactionRolledBack = Code("transactionRolledBack")
        /// The answer to COMMIT was lost, or the wait for the synchronous standby was ended: the transaction may have
        /// happened or not.
        public static let commitOutcomeUnknown = Code("commitOutcomeUnknown")
        /// A parameter cannot be sent (NUL in a text, too large, too many).
        public static let encodingFailed = Code("encodingFailed")
        /// A result does not fit the type that was asked for.
        public static let decodingFailed = Code("decodingFailed")
        /// The query cannot be sent this way, or answered something that the call does not expect.
        public static let unexpectedResult = Code("unexpectedResult")
        /// The pool had no connection within the deadline.
        public static let poolTimeout = Code("poolTimeout")
        /// As many callers as the pool allows wait for a connection already.
        public static let poolQueueFull = Code("poolQueueFull")
        /// The pool is shut down.
        public static let poolClosed = Code("poolClosed")
    }

    /// What kind of failure it is.
    public var code: Code
    /// What happened, in one sentence that is safe to show.
    public var message: String
    /// The server's fields, where the server reported the error.
    public var server: ServerError?
    /// True when nothing was sent to the server: trying again repeats nothing.
    public var nothingWasSent = false
    /// How often a transaction was tried that is given up with this error; 1 where nothing is tried again.
    public var attempts = 1
    /// True when the connection was closed before the server told what became of the statement.
    var isOutcomeOpen = false
    /// True when it is known that nothing was committed: what was under way belonged to a transaction whose COMMIT was
    /// not sent, was only prepared, or only reads.
    var isKnownUncommitted = false
    /// Failures of the clean-up that followed this one (a rollback, say).
    ///
    /// The first error is the one thrown.
    public var suppressed: [PostgresError] = []

    /// Makes an error of this module; services rarely need to.
    public init(_ code: Code, _ message: String, server: ServerError? = nil, nothingWasSent: Bool = false) {
        self.code = code
        self.message = message
        self.server = server
        self.nothingWasSent = nothingWasSent
    }

    /// The server's code, where the server reported the error.
    public var sqlState: SQLState? { server?.sqlState }

    /// Whether running the whole transaction again may succeed: serialization failures and deadlocks.
    public var isRetryable: Bool {
        sqlState == .serializationFailure || sqlState == .deadlockDetected
    }

    /// Whether the work may have been committed although an error is reported.
    ///
    /// True for a lost answer to COMMIT, for a connection that broke while a statement outside of
    /// ``PostgresConnection/withTransaction(_:_:)`` was under way, and for one that was cancelled or timed out without an
    /// answer of the server; such work must not be repeated blindly. False for a connection that broke before COMMIT was
    /// sent: the server rolls back then.
    public var mayHaveCommitted: Bool {
        if isKnownUncommitted { return false }
        return code == .commitOutcomeUnknown || isOutcomeOpen || (code == .connectionClosed && !nothingWasSent)
    }

    /// The same error of something that cannot have committed anything.
    package func withoutCommit() -> PostgresError {
        var copy = self
        copy.isKnownUncommitted = true
        return copy
    }

    /// The same error after earlier parts of the work were committed.
    package func afterCommittedParts() -> PostgresError {
        var copy = self
        copy.isKnownUncommitted = false
        copy.isOutcomeOpen = true
        copy.nothingWasSent = false
        return copy
    }

    func suppressing(_ other: PostgresError) -> PostgresError {
        var copy = self
        copy.suppressed.append(other)
        return copy
    }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
    /// SQLSTATE and message; safe to show.
    public var description: String {
        guard let server else { return message }
        let text = message.isEmpty || message == server.message ? server.message : "\(message): \(server.message)"
        return "\(text) (SQLSTATE \(server.sqlState))"
    }

    /// Everything that is known, including the server's detail, which may quote rows.
    ///
    /// It can thereby show a value that was bound (a key that exists already): for developers, not for shared logs.
    public var debugDescription: String {
        var lines = ["PostgresError.\(code): \(description)"]
        if let server {
            let fields: [(String, String?)] = [
                ("severity", server.severity), ("detail", server.detail), ("hint", server.hint),
                ("position", server.position.map(String.init)), ("context", server.context),
                ("schema", server.schema), ("table", server.table), ("column", server.column),
                ("type", server.dataType), ("constraint", server.constraint), ("routine", server.routine),
            ]
            lines += fields.compactMap { name, value in value.map { "  \(name): \($0)" } }
        }
        lines += suppressed.map { "  then: \($0)" }
        return lines.joined(separator: "\n")
    }
}
