import Glibc

/// SQL with its bound parameters.
///
/// Interpolation binds: each value becomes `$1`, `$2`, … and travels in binary form beside the text, so no value can
/// change what the statement means. Pasting text into SQL needs a label that says so.
///
/// ```swift
/// let query: PostgresQuery = "SELECT name FROM sled WHERE id = \(id) AND rack = ANY(\(racks))"
/// let other: PostgresQuery = "SELECT count(*) FROM \(identifier: table)"
/// ```
///
/// The same literal gives the same text, which is what the cache of prepared statements goes by.
public struct PostgresQuery: Sendable, ExpressibleByStringInterpolation {
    /// The statement with its placeholders.
    public private(set) var sql: String
    /// Whether the statement is kept prepared when it is used again; true unless set.
    ///
    /// Turn it off for statements whose text is made anew each time, and for those that need a plan made for the values
    /// of each call: a prepared one may get a general plan after five uses. The setting `plan_cache_mode` says the same
    /// for a whole session.
    public var isCacheable = true

    @usableFromInline
    var parameters: ParameterBuffer

    /// A query from a literal with interpolations.
    public init(stringInterpolation: StringInterpolation) {
        sql = stringInterpolation.sql
        parameters = stringInterpolation.parameters
    }

    /// A query without parameters.
    public init(stringLiteral value: String) {
        self.init(unsafeSQL: value)
    }

    /// A query from text made at run time; it must not contain anything that came from outside.
    ///
    /// - Parameters:
    ///   - sql: The text.
    ///   - parameterCount: For how many parameters to make room; see ``bind(_:)``.
    public init(unsafeSQL sql: String, parameterCount: Int = 0) {
        self.sql = sql
        parameters = ParameterBuffer(capacity: parameterCount)
    }

    /// Binds a value as the next parameter: the first as `$1`, and so on.
    ///
    /// For text that is made once and has its placeholders already; it costs nothing to use such text again.
    ///
    /// ```swift
    /// var query = PostgresQuery(unsafeSQL: "UPDATE sled SET rack = $2 WHERE id = $1", parameterCount: 2)
    /// query.bind(id)
    /// query.bind(rack)
    /// ```
    @inlinable
    public mutating func bind<Value: PostgresEncodable>(_ value: Value) {
        parameters.append(value)
    }

    /// Builds a query from a literal; see ``PostgresQuery``.
    public struct StringInterpolation: StringInterpolationProtocol, Sendable {
        var sql: String
        var parameters: ParameterBuffer

        /// Reserves room for the text.
        public init(literalCapacity: Int, interpolationCount: Int) {
            sql = ""
            parameters = ParameterBuffer(capacity: interpolationCount)
            sql.reserveCapacity(literalCapacity + interpolationCount * 3)
        }

        /// Appends SQL as written.
        public mutating func appendLiteral(_ literal: String) {
            sql += literal
        }

        /// Binds a value as the next parameter.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value) {
            parameters.append(value)
            sql += "$"
            sql += String(parameters.count)
        }

        /// Binds a value or NULL as the next parameter.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            // Apart from the other: the compiler warns of optionals that are interpolated as something general.
            parameters.append(value)
            sql += "$"
            sql += String(parameters.count)
        }

        /// Appends the name of a table, column or other object, quoted.
        public mutating func appendInterpolation(identifier name: String) {
            sql += PostgresQuery.quote(identifier: name)
        }

        /// Pastes text into the statement; it must not contain anything that came from outside.
        public mutating func appendInterpolation(unsafeSQL text: String) {
            sql += text
        }
    }

    /// Puts a name in double quotes, doubling those within.
    ///
    /// `PQescapeIdentifier` does the same but needs a connection.
    public static func quote(identifier name: String) -> String {
        guard name.utf8.contains(UInt8(ascii: "\"")) else { return "\"\(name)\"" }
        return "\"" + name.replacing("\"", with: "\"\"") + "\""
    }

    /// Puts a text in single quotes as an SQL literal, for statements that take no parameters (`SET`, DDL).
    public static func quote(literal text: String) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: "\\") }) else {
            return "'\(text)'"
        }
        let quoted = "'" + text.replacing("'", with: "''") + "'"
        return text.contains("\\") ? " E" + quoted.replacing("\\", with: "\\\\") : quoted
    }
}

extension PostgresQuery: CustomStringConvertible, CustomReflectable {
    /// The statement's text; the bound values are not shown.
    public var description: String { sql }
    /// The statement's text alone, so that `dump` shows no bound value either.
    public var customMirror: Mirror { Mirror(self, children: ["sql": sql]) }

    /// Whether types of parameters have to be looked up before it is sent.
    var hasNamedTypes: Bool { !parameters.named.isEmpty }

    /// - Throws: `encodingFailed` when the statement or a parameter cannot be sent.
    func check() throws(PostgresError) {
        try parameters.check()
        // libpq would send what stands before it.
        guard !sql.hasNUL else {
            throw PostgresError(.encodingFailed, "the statement holds a NUL character", nothingWasSent: true)
        }
    }
}

extension String {
    /// Whether C would take it to end before its end.
    var hasNUL: Bool {
        unsafe utf8.withContiguousStorageIfAvailable { bytes in
            unsafe bytes.baseAddress.map { unsafe memchr($0, 0, bytes.count) != nil } ?? false
        } ?? utf8.contains(0)
    }
}
