/// How a transaction begins and ends; see the manual's `SET TRANSACTION`.
public struct TransactionOptions: Sendable, Hashable {
    /// What a transaction sees of others.
    public enum Isolation: String, Sendable {
        /// Each statement sees what was committed before it began.
        case readCommitted = "READ COMMITTED"
        /// Every statement sees what was committed before the first one began.
        case repeatableRead = "REPEATABLE READ"
        /// As if transactions ran one after the other; some fail with SQLSTATE 40001 and are to be repeated.
        case serializable = "SERIALIZABLE"
    }

    /// The isolation level; nil takes the session's default.
    public var isolation: Isolation?
    /// Whether the server refuses writes; nil takes the session's default.
    public var isReadOnly: Bool?
    /// Whether a serializable read-only transaction waits for a moment from which it cannot collide; nil takes the
    /// session's default.
    ///
    /// Without effect on other transactions.
    public var isDeferrable: Bool?
    /// Whether deferred constraints are checked by a statement before COMMIT, at the cost of a round trip.
    ///
    /// Their failures then are never those of a COMMIT, whose answer could be lost. Default false.
    public var checksConstraintsBeforeCommit = false
    /// How long the server is asked what became of the transaction when the answer to COMMIT was lost; nil, the default,
    /// does not ask.
    ///
    /// Costs a round trip before COMMIT, in which the transaction's id is learnt, and another connection when the
    /// answer was lost. A transaction that is found committed is a success.
    public var lostCommitTimeout: Duration?

    /// Settings for this transaction alone, such as `lock_timeout`, by name; sent together with BEGIN (`SET LOCAL`).
    ///
    /// Values are as in the server's configuration, units included. Default none.
    public var settings: [String: String] = [:]

    /// Makes options; without arguments the session's defaults.
    public init(isolation: Isolation? = nil, isReadOnly: Bool? = nil, isDeferrable: Bool? = nil) {
        self.isolation = isolation
        self.isReadOnly = isReadOnly
        self.isDeferrable = isDeferrable
    }

    /// The session's defaults, but writes are refused by the server.
    public static let readOnly = TransactionOptions(isReadOnly: true)
    /// As if transactions ran one after the other; to be used with a ``TransactionRetry``.
    public static let serializable = TransactionOptions(isolation: .serializable)

    var beginStatement: String {
        var parts = ["BEGIN"]
        if let isolation { parts.append("ISOLATION LEVEL \(isolation.rawValue)") }
        if let isReadOnly { parts.append(isReadOnly ? "READ ONLY" : "READ WRITE") }
        if let isDeferrable { parts.append(isDeferrable ? "DEFERRABLE" : "NOT DEFERRABLE") }
        let values = settings.sorted { $0.key < $1.key }.map { name, value in
            let quoted = name.split(separator: ".").map { PostgresQuery.quote(identifier: String($0)) }
            return "SET LOCAL \(quoted.joined(separator: ".")) = \(PostgresQuery.quote(literal: value))"
        }
        return ([parts.joined(separator: " ")] + values).joined(separator: "; ")
    }
}
