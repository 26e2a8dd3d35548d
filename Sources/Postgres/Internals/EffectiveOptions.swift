import CLibPQ

/// What libpq makes of a connection string together with service file, environment and its own defaults.
enum EffectiveOptions {
    /// An option that libpq refuses only after it has put all others together, and before it touches the network.
    private static let refused = ("ssl_min_protocol_version", "refused so that nothing is connected")

    /// The options that say where to connect to, as libpq itself reads them; the password is not among them.
    ///
    /// libpq has no function for this: `PQconndefaults` does not follow a `service` that stands in the string. A
    /// connection that fails before its first step has done all the reading, and `PQconninfo` tells the outcome. Reads
    /// files, and asks a server where the service file names one of LDAP.
    ///
    /// - Throws: `invalidConfiguration` with libpq's reason, such as a service that is not defined.
    static func read(_ parameters: [(String, String)]) throws(PostgresError) -> [String: String] {
        let connection = unsafe ConnectionHandle.start(parameters + [refused])
        guard let connection = unsafe connection else {
            throw PostgresError(.connectionFailed, "out of memory", nothingWasSent: true)
        }
        defer { unsafe PQfinish(connection) }
        let message = unsafe PQerrorMessage(connection).map { unsafe String(cString: $0) } ?? ""
        guard message.contains(refused.1) else {
            let reason = message.trimmingSuffix { $0.isNewline }
            throw PostgresError(.invalidConfiguration, reason, nothingWasSent: true)
        }
        guard let options = unsafe PQconninfo(connection) else {
            throw PostgresError(.connectionFailed, "out of memory", nothingWasSent: true)
        }
        defer { unsafe PQconninfoFree(options) }
        var values = unsafe ConnectionString.values(options)
        values["password"] = nil
        return values
    }
}
