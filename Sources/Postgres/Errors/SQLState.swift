/// The five-character code by which PostgreSQL classifies an outcome.
///
/// A value, not an enumeration: servers and extensions define codes that no client lists. The first two characters are
/// the class; a class constant such as ``integrityConstraintViolation`` matches each of its codes in a `switch`.
///
/// ```swift
/// switch error.sqlState {
/// case .uniqueViolation?: …
/// case .integrityConstraintViolation?: …   // every other code of class 23
/// default: …
/// }
/// ```
/// The codes are listed in the manual's appendix "PostgreSQL Error Codes".
public struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The code as the server sent it, for example `23505`.
    public let rawValue: String

    /// Wraps a code; any text is taken as it is.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// The code's text.
    public var description: String { rawValue }

    /// Whether both codes belong to one class (their first two characters agree).
    public func hasSameClass(as other: SQLState) -> Bool {
        rawValue.utf8.prefix(2).elementsEqual(other.rawValue.utf8.prefix(2))
    }

    /// Matches the code itself or, when the pattern is a class (`xx000`), each code of that class.
    public static func ~= (pattern: SQLState, value: SQLState) -> Bool {
        pattern == value || (pattern.rawValue.hasSuffix("000") && pattern.hasSameClass(as: value))
    }
}

extension SQLState {
    /// Class 08: the connection broke or was refused.
    public static let connectionException = SQLState(rawValue: "08000")
    /// A feature is not supported; also "cached plan must not change result type".
    public static let featureNotSupported = SQLState(rawValue: "0A000")
    /// Class 22: a value does not fit.
    public static let dataException = SQLState(rawValue: "22000")
    /// Class 23: a constraint was violated.
    public static let integrityConstraintViolation = SQLState(rawValue: "23000")
    /// A NOT NULL column got NULL.
    public static let notNullViolation = SQLState(rawValue: "23502")
    /// A foreign key has no partner.
    public static let foreignKeyViolation = SQLState(rawValue: "23503")
    /// A unique index has the key already.
    public static let uniqueViolation = SQLState(rawValue: "23505")
    /// A CHECK constraint was violated.
    public static let checkViolation = SQLState(rawValue: "23514")
    /// Class 25: the transaction is in a state that does not allow this.
    public static let invalidTransactionState = SQLState(rawValue: "25000")
    /// A write in a read-only transaction or on a standby.
    public static let readOnlyTransaction = SQLState(rawValue: "25006")
    /// An earlier error aborted the transaction.
    public static let inFailedTransaction = SQLState(rawValue: "25P02")
    /// No prepared statement of that name.
    public static let invalidStatementName = SQLState(rawValue: "26000")
    /// Class 28: the user or password was refused.
    public static let invalidAuthorization = SQLState(rawValue: "28000")
    /// The database does not exist.
    public static let invalidCatalogName = SQLState(rawValue: "3D000")
    /// Class 40: the transaction was rolled back by the server.
    public static let transactionRollback = SQLState(rawValue: "40000")
    /// Serializable transactions collided; running the transaction again may succeed.
    public static let serializationFailure = SQLState(rawValue: "40001")
    /// Two transactions waited for each other; this one was ended.
    public static let deadlockDetected = SQLState(rawValue: "40P01")
    /// Class 42: the statement is wrong or not allowed.
    public static let syntaxErrorOrAccessRuleViolation = SQLState(rawValue: "42000")
    /// The role lacks a privilege.
    public static let insufficientPrivilege = SQLState(rawValue: "42501")
    /// The statement cannot be parsed.
    public static let syntaxError = SQLState(rawValue: "42601")
    /// No table or view of that name.
    public static let undefinedTable = SQLState(rawValue: "42P01")
    /// A table or view of that name exists.
    public static let duplicateTable = SQLState(rawValue: "42P07")
    /// An object of that name exists.
    public static let duplicateObject = SQLState(rawValue: "42710")
    /// Class 53: the server lacks a resource.
    public static let insufficientResources = SQLState(rawValue: "53000")
    /// The server has no connection left.
    public static let tooManyConnections = SQLState(rawValue: "53300")
    /// The object is not in the state that the statement needs.
    public static let objectNotInPrerequisiteState = SQLState(rawValue: "55000")
    /// A lock was not available within `lock_timeout` or with NOWAIT.
    public static let lockNotAvailable = SQLState(rawValue: "55P03")
    /// The statement was cancelled, by a cancel request or by `statement_timeout`.
    public static let queryCanceled = SQLState(rawValue: "57014")
    /// An administrator ended the connection.
    public static let adminShutdown = SQLState(rawValue: "57P01")
    /// The server restarts after a crash.
    public static let crashShutdown = SQLState(rawValue: "57P02")
    /// The server does not take connections now.
    public static let cannotConnectNow = SQLState(rawValue: "57P03")
    /// Class XX: the server found something that should not be.
    static let internalError = SQLState(rawValue: "XX000")
    /// An idle transaction was ended by `idle_in_transaction_session_timeout`.
    public static let idleInTransactionSessionTimeout = SQLState(rawValue: "25P03")
}
