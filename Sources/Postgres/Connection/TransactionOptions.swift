/// How a transaction begins; see the manual's `SET TRANSACTION`.
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

    /// Makes options; without arguments the session's defaults.
    public init(isolation: Isolation? = nil, isReadOnly: Bool? = nil) {
        self.isolation = isolation
        self.isReadOnly = isReadOnly
    }

    /// The session's defaults, but writes are refused by the server.
    public static let readOnly = TransactionOptions(isReadOnly: true)

    var beginStatement: String {
        var parts = ["BEGIN"]
        if let isolation { parts.append("ISOLATION LEVEL \(isolation.rawValue)") }
        if let isReadOnly { parts.append(isReadOnly ? "READ ONLY" : "READ WRITE") }
        return parts.joined(separator: " ")
    }
}
