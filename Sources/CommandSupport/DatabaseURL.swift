/// Looks at a URL before libpq does.
enum DatabaseURL {
    /// Whether libpq would take a part of the password for something else, and name it in its message.
    ///
    /// A password with an `@` ends, for libpq, at the first one, and its rest becomes a part of the host's name; one
    /// with a `/` or `?` makes the user the host, and the password's beginning the port.
    static func isMisread(_ text: String) -> Bool {
        guard let scheme = text.firstRange(of: "://"), text[..<scheme.lowerBound].allSatisfy(\.isLetter) else {
            return false
        }
        let rest = text[scheme.upperBound...]
        let authority = rest.prefix { !"/?#".contains($0) }
        let path = rest.dropFirst(authority.count).prefix { $0 != "?" }
        let hosts = authority.split(separator: "@", omittingEmptySubsequences: false)
        if hosts.count > 2 { return true }
        let hasBadPort = (hosts.last ?? "").split(separator: ",").contains { !hasPlainPort($0) }
        return hasBadPort || (hosts.count == 1 && authority.contains(":") && path.contains("@"))
    }

    /// Whether what follows the host is a number, if anything does.
    private static func hasPlainPort(_ host: Substring) -> Bool {
        // An IPv6 address stands in brackets, for its colons.
        let name = host.hasPrefix("[") ? host.drop { $0 != "]" } : host
        guard let colon = name.firstIndex(of: ":") else { return true }
        return name[name.index(after: colon)...].allSatisfy { $0.isASCII && $0.isNumber }
    }
}
