/// Lines for a `postgresql.conf`.
struct ServerSettings: Sendable {
    private(set) var values: [String: String]

    init(_ values: [String: String] = [:]) {
        self.values = values
    }

    /// Settings for a server whose data nobody will miss: nothing waits for the disk.
    static let fast = ServerSettings([
        "fsync": "off",
        "full_page_writes": "off",
        "shared_buffers": "64MB",
        "synchronous_commit": "off",
    ])

    /// Settings of every server started here, so that results do not depend on the machine's time zone.
    static let common = ServerSettings([
        "log_timezone": "UTC",
        "timezone": "UTC",
        "unix_socket_permissions": "0700",
    ])

    /// Both, the other's values winning.
    func overridden(by other: ServerSettings) -> ServerSettings {
        ServerSettings(values.merging(other.values) { _, new in new })
    }

    /// The text of the configuration file, in the order of the names.
    ///
    /// - Throws: ``PostgresServerError/invalidSettingName(_:)`` for a name that would not stay a name in the file.
    func configuration() throws -> String {
        try values.sorted { $0.key < $1.key }.map { name, value in
            guard Self.isName(name) else { throw PostgresServerError.invalidSettingName(name) }
            return "\(name) = \(Self.quoted(value))"
        }.joined(separator: "\n")
    }

    /// One folder as an element of a list of folders such as `unix_socket_directories`.
    static func listElement(_ path: String) -> String {
        "\"" + path.replacing("\"", with: "\"\"") + "\""
    }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, first != UInt8(ascii: "."), !(48...57).contains(first) else { return false }
        return name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
    }

    private static func quoted(_ value: String) -> String {
        let escaped = value.replacing("\\", with: "\\\\").replacing("'", with: "''").replacing("\n", with: "\\n")
        return "'\(escaped)'"
    }
}
