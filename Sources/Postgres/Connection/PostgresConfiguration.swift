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
    /// Default 30 s.
    public var connectTimeout: Duration = .seconds(30)
    /// How long a statement may take when its call gives no timeout; nil, the default, is without limit.
    public var queryTimeout: Duration?
    /// How long the server gets to answer a cancel request before the connection is closed.
    ///
    /// Default 5 s.
    public var cancelTimeout: Duration = .seconds(5)
    /// Session settings made right after connecting, by name: `["lock_timeout": "2s"]`.
    public var settings: [String: String] = ["idle_in_transaction_session_timeout": "5min"]
    /// How many statements a connection keeps prepared; 0 keeps none, as PgBouncer before 1.21 needs in transaction mode.
    public var statementCacheSize = 256
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
        var parts = options
        parts["dbname"] = name
        var copy = try PostgresConfiguration(ConnectionString.join(parts))
        copy.applicationName = applicationName
        copy.connectTimeout = connectTimeout
        copy.queryTimeout = queryTimeout
        copy.cancelTimeout = cancelTimeout
        copy.settings = settings
        copy.statementCacheSize = statementCacheSize
        copy.logger = logger
        return copy
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

    /// Whether libpq would have to resolve a name, which it can only do blocking.
    var needsNameResolution: Bool {
        let environment = ProcessInfo.processInfo.environment
        if options["service"] != nil || environment["PGSERVICE"] != nil { return true }
        if options["hostaddr"] ?? environment["PGHOSTADDR"] != nil { return false }
        let hosts = options["host"] ?? environment["PGHOST"] ?? ""
        return hosts.split(separator: ",").contains { !$0.hasPrefix("/") && !$0.hasPrefix("@") }
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
        guard let options = PQconninfoParse(text, &message) else {
            defer { PQfreemem(message) }
            let reason = message.map { String(cString: $0) } ?? "out of memory"
            let shown = redact(reason, of: text)
            throw PostgresError(.invalidConfiguration, "the connection string cannot be read: \(shown)")
        }
        defer { PQconninfoFree(options) }
        var result: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { result[String(cString: keyword)] = String(cString: value) }
            option += 1
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
