import CLibPQ
import Foundation
public import Logging

/// How to reach a database, and with which defaults.
///
/// Everything that libpq understands works: URLs, `key=value` strings, the `PG*` environment variables, service files
/// and `.pgpass`; what the string leaves open comes from them. The manual's "Connection Strings" and "Parameter Key
/// Words" list what may stand in a string.
///
/// ```swift
/// let configuration = try PostgresConfiguration("postgresql://vmm@db.example/vmm?sslmode=verify-full")
/// ```
public struct PostgresConfiguration: Sendable {
    /// What the server shows in `pg_stat_activity` when neither the string nor `PGAPPNAME` says otherwise.
    public var applicationName = "vmm-store"
    /// How long connecting may take, with name resolution, TLS and authentication of all hosts.
    ///
    /// Each host and each of its addresses gets an equal share of what is left, and never more than `connect_timeout`
    /// where that is set. Default 30 s.
    public var connectTimeout: Duration = .seconds(30)
    /// In which order several hosts, and several addresses of one host, are tried.
    ///
    /// Default: as given. With libpq 16 or later `load_balance_hosts=random` in the string says the same as `random`.
    public var hostOrder: HostOrder = .asGiven
    /// How long a statement may take when its call gives no timeout; nil, the default, is without limit.
    public var queryTimeout: Duration?
    /// How long the server itself lets any statement run (`statement_timeout`), in whole milliseconds; nil, the default,
    /// leaves the server's own setting.
    ///
    /// The second line behind timeouts, for the case that no cancel request gets through: choose it above the longest
    /// of those. It ends a statement with SQLSTATE 57014. Not behind a pooler in transaction mode, as ``settings``.
    public var serverStatementTimeout: Duration?
    /// How long the server gets to answer a cancel request before the connection is closed.
    ///
    /// Default 5 s.
    public var cancelTimeout: Duration = .seconds(5)
    /// Session settings made right after connecting, by name: `["lock_timeout": "2s"]`.
    ///
    /// Not behind a pooler in transaction mode, see ``PoolerMode/transaction``.
    public var settings: [String: String] = ["idle_in_transaction_session_timeout": "5min"]
    /// Whether each connection has a server session to itself.
    ///
    /// Default: found out when connecting.
    public var pooler: PoolerMode = .detected
    /// Whether statements are prepared and kept so.
    ///
    /// Default: where the session is the connection's own.
    public var statementCaching: StatementCaching = .automatic
    /// How many statements a connection keeps prepared at most; 0 keeps none.
    public var statementCacheSize = 256
    /// With which use a statement is prepared: 1 is the first, which costs it a round trip more.
    ///
    /// Default 2, so that text used once does not push out what is used often. Of below 1 it is 1.
    public var statementCacheThreshold = 2
    /// Where notices and warnings go.
    ///
    /// Bound values are never logged.
    public var logger = Logger(label: "postgres")

    /// The string as given: may hold a password, and is therefore never printed.
    let connectionString: String
    private let options: [String: String]

    /// Reads a connection string.
    ///
    /// An empty one takes everything from libpq's environment.
    ///
    /// - Throws: ``PostgresError`` of code `invalidConfiguration` when libpq cannot read it; the message quotes nothing
    ///   that could be a password. The corresponding libpq function is `PQconninfoParse`.
    public init(_ connectionString: String = "") throws(PostgresError) {
        self.connectionString = connectionString
        options = try ConnectionString.parse(connectionString)
    }

    /// Host, port, database and user as the string gives them, for messages; never a password.
    public var summary: String {
        let shown = ["host", "hostaddr", "port", "dbname", "user", "service"]
        let parts = shown.compactMap { key in options[key].map { "\(key)=\($0)" } }
        return parts.isEmpty ? "libpq's defaults" : parts.joined(separator: " ")
    }

    /// The database's name where the string gives one.
    public var database: String? { options["dbname"] }

    /// The same server and settings, another database.
    ///
    /// - Throws: ``PostgresError`` of code `invalidConfiguration`.
    public func withDatabase(_ name: String) throws(PostgresError) -> PostgresConfiguration {
        try with("dbname", name)
    }

    /// The same with this password: one that is fetched from a vault, or a token that lasts for minutes; see
    /// ``PostgresPool/Options/beforeConnecting``.
    ///
    /// - Throws: ``PostgresError`` of code `invalidConfiguration`, which does not quote it.
    public func withPassword(_ password: String) throws(PostgresError) -> PostgresConfiguration {
        try with("password", password)
    }

    private func with(_ key: String, _ value: String) throws(PostgresError) -> PostgresConfiguration {
        var parts = options
        parts[key] = value
        var copy = try PostgresConfiguration(ConnectionString.join(parts))
        copy.applicationName = applicationName
        copy.connectTimeout = connectTimeout
        copy.hostOrder = hostOrder
        copy.queryTimeout = queryTimeout
        copy.serverStatementTimeout = serverStatementTimeout
        copy.cancelTimeout = cancelTimeout
        copy.settings = settings
        copy.pooler = pooler
        copy.statementCaching = statementCaching
        copy.statementCacheSize = statementCacheSize
        copy.statementCacheThreshold = statementCacheThreshold
        copy.logger = logger
        return copy
    }

    /// The connection string for another program's command line, which everybody on the machine can read: without the
    /// passwords, which travel in its environment.
    package var forCommandLine: (connectionString: String, environment: [String: String]) {
        var parts = options
        let password = parts.removeValue(forKey: "password")
        parts["sslpassword"] = nil
        return (ConnectionString.join(parts), password.map { ["PGPASSWORD": $0] } ?? [:])
    }

    /// The session settings, with those that have a property of their own.
    var sessionSettings: [String: String] {
        guard let timeout = serverStatementTimeout else { return settings }
        // Zero would be without limit.
        let milliseconds = max(1, min(timeout.clampedNanoseconds / 1_000_000, UInt64(Int32.max)))
        return settings.merging(["statement_timeout": String(milliseconds)]) { _, own in own }
    }

    /// What is handed to libpq: our defaults first, so that the string wins over them (except over the encoding).
    var parameters: [(String, String)] {
        let environment = ProcessInfo.processInfo.environment
        var parameters = [
            ("fallback_application_name", applicationName),
            ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
        ]
        // Trying Kerberos first costs every connect 100 ms and has crashed after fork; asked for, it is used.
        if environment["PGGSSENCMODE"] == nil { parameters.append(("gssencmode", "disable")) }
        // A string that sets nothing (blanks, say) would be taken as the database's name.
        if !options.isEmpty { parameters.append(("dbname", connectionString)) }
        // Last, so that nothing wins over it: texts are encoded and decoded as UTF-8.
        parameters.append(("client_encoding", "UTF8"))
        return parameters
    }
}

extension PostgresConfiguration {
    /// In which order the hosts of a connection string are tried.
    public enum HostOrder: Sendable, Hashable {
        /// From the first to the last.
        case asGiven
        /// Another order for each connection, which spreads them over equal servers.
        case random
    }

    /// What stands between a connection and the server.
    public enum PoolerMode: Sendable, Hashable {
        /// Found out when connecting, in the same round trip as the settings.
        ///
        /// The server's process is asked for its number. A pooler such as PgBouncer tells clients another one; then
        /// ``transaction`` is assumed, which is right, if not the fastest, in each of a pooler's modes.
        case detected
        /// Nothing, or a pooler that keeps one server session for each client (`pool_mode = session`).
        case session
        /// A pooler that gives each transaction whichever server session is free (`pool_mode = transaction`).
        ///
        /// Nothing may then be left behind in a session: ``PostgresConfiguration/settings`` are not made, since they
        /// would reach other clients and not this one's next transaction (`ALTER ROLE … SET` serves instead), and
        /// statements are not prepared unless ``StatementCaching/always`` says so. Advisory locks of sessions, `LISTEN`
        /// and temporary tables do not work there.
        case transaction
    }

    /// Whether statements are prepared on their second use and kept prepared.
    public enum StatementCaching: Sendable, Hashable {
        /// Unless the server's session is not the connection's own.
        case automatic
        /// Also behind a pooler in transaction mode: PgBouncer from 1.21 with `max_prepared_statements` can do it.
        case always
        /// Never.
        case disabled
    }
}

extension PostgresConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The ``summary``; never a password.
    public var description: String { summary }
    /// The ``summary``; never a password.
    public var debugDescription: String { "PostgresConfiguration(\(summary))" }
    /// The ``summary`` alone, so that `dump` shows no password either.
    public var customMirror: Mirror { Mirror(self, children: ["summary": summary]) }
}

/// Reads and writes libpq's connection strings.
enum ConnectionString {
    /// `PQconninfoParse`: what the string itself sets.
    static func parse(_ text: String) throws(PostgresError) -> [String: String] {
        guard !text.utf8.contains(0) else {
            throw PostgresError(.invalidConfiguration, "the connection string holds a NUL character")
        }
        var message: UnsafeMutablePointer<CChar>?
        guard let options = unsafe PQconninfoParse(text, &message) else {
            defer { unsafe PQfreemem(message) }
            let reason = unsafe message.map { unsafe String(cString: $0) } ?? "out of memory"
            let shown = redact(reason, of: text)
            throw PostgresError(.invalidConfiguration, "the connection string cannot be read: \(shown)")
        }
        defer { unsafe PQconninfoFree(options) }
        return unsafe values(options)
    }

    /// The options that have a value, by keyword.
    static func values(_ options: UnsafeMutablePointer<PQconninfoOption>) -> [String: String] {
        var result: [String: String] = [:]
        var option = unsafe options
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val {
                unsafe result[String(cString: keyword)] = unsafe String(cString: value)
            }
            unsafe option += 1
        }
        return result
    }

    static func join(_ options: [String: String]) -> String {
        options.sorted { $0.key < $1.key }.map { key, value in
            let escaped = value.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
            return "\(key)='\(escaped)'"
        }.joined(separator: " ")
    }

    /// Takes out what libpq quotes of the string, which may be a part of a password.
    ///
    /// The name of an unknown option stays when the string holds no password that it could come from.
    private static func redact(_ message: String, of string: String) -> String {
        let text = message.trimmingSuffix { $0.isNewline }
        let namesOption = text.hasPrefix("invalid connection option") || text.hasPrefix("invalid URI query parameter")
        if namesOption, !string.contains("password"), !string.contains("@") { return text }
        // From the first quotation mark to the last: what is quoted may hold some itself.
        guard let start = text.firstIndex(of: "\""), let end = text.lastIndex(of: "\""), start < end else {
            return text
        }
        return text[...start] + "…" + text[end...]
    }
}

extension String {
    func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
        var end = endIndex
        while end > startIndex, predicate(self[index(before: end)]) { end = index(before: end) }
        return String(self[..<end])
    }
}
