import Glibc

/// Which servers are tried, in which order, and how long each may take.
///
/// libpq can go through several hosts by itself, but without a limit for each: connecting without blocking ignores
/// `connect_timeout`, so that one host that swallows packets would use up everybody's time. It also resolves names
/// blocking. Here each attempt is a connection of its own to one address.
struct ConnectPlan: Sendable, Equatable {
    /// One element of `host`, `hostaddr` and `port`.
    struct Target: Sendable, Equatable {
        /// A name, an address, or the folder of a Unix socket; empty for libpq's default.
        var host: String
        /// A numeric address; empty where the host has to be resolved, or is a socket.
        var address: String
        var port: String

        /// Whether the name's addresses have to be asked for.
        var needsResolution: Bool {
            address.isEmpty && !host.isEmpty && !host.hasPrefix("/") && !host.hasPrefix("@")
                && !NameResolution.isAddress(host)
        }

        /// What libpq is told in place of the lists.
        ///
        /// Libpq takes an empty value for none at all, and the list would stand again.
        func parameters(address resolved: String?) -> [(String, String)] {
            let address = resolved ?? address
            var parameters = [("host", host.isEmpty ? address : host), ("port", port)]
            if !address.isEmpty { parameters.append(("hostaddr", address)) }
            return parameters.filter { !$0.1.isEmpty }
        }
    }

    var targets: [Target]
    /// The values of `target_session_attrs` to go through the targets with.
    var sessionAttributes: [String]
    /// What `connect_timeout` allows each attempt, where it is set.
    var attemptLimit: Duration?
    var isRandom: Bool

    /// Reads the options that libpq found.
    init(_ options: [String: String]) {
        let addresses = Self.list(options["hostaddr"])
        let hosts = Self.list(options["host"])
        let ports = Self.list(options["port"])
        let count = max(addresses.count, hosts.count)
        targets = (0..<count).map { index in
            Target(
                host: index < hosts.count ? hosts[index] : "",
                address: index < addresses.count ? addresses[index] : "",
                // One port serves all hosts.
                port: index < ports.count ? ports[index] : ports.count == 1 ? ports[0] : ""
            )
        }
        if count > 1 { targets = targets.map(Self.nameDefaultSocket) }
        let attributes = options["target_session_attrs"] ?? "any"
        // A standby if there is one, else whatever there is.
        sessionAttributes = attributes == "prefer-standby" ? ["standby", "any"] : [attributes]
        // As libpq: zero and less is no limit, and one second is taken for two.
        attemptLimit = options["connect_timeout"].flatMap { Int64($0.trimmingSuffix(while: \.isWhitespace)) }
            .flatMap { $0 > 0 ? .seconds(max(2, $0)) : nil }
        isRandom = options["load_balance_hosts"] == "random"
    }

    /// An element that is empty means the default socket, which libpq offers no way to ask for within a list.
    private static func nameDefaultSocket(_ target: Target) -> Target {
        guard target.host.isEmpty, target.address.isEmpty else { return target }
        var named = target
        let port = target.port.isEmpty ? "5432" : target.port
        named.host = unsafe access("/var/run/postgresql/.s.PGSQL.\(port)", F_OK) == 0 ? "/var/run/postgresql" : "/tmp"
        return named
    }

    private static func list(_ text: String?) -> [String] {
        guard let text, !text.isEmpty else { return [""] }
        return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
}
