public import Postgres

/// Waiting for a server that is on its way up.
public enum ServerWait {
    /// Returns once the server accepts a connection.
    ///
    /// A refused login ends the wait at once, as far as the server's English message tells: libpq reports no SQLSTATE
    /// for a connection that was refused.
    ///
    /// ```swift
    /// try await ServerWait.wait(for: configuration, timeout: .seconds(60))
    /// ```
    ///
    /// - Parameters:
    ///   - configuration: The database.
    ///   - timeout: How long to wait; nil waits without end.
    ///   - report: Is told of each attempt that failed, with the time waited so far.
    /// - Throws: ``MigrationError`` of code `cannotConnect` when the time is up or the login was refused, and
    ///   `interrupted` when the task is cancelled.
    public static func wait(
        for configuration: PostgresConfiguration,
        timeout: Duration?,
        report: (PostgresError, Duration) -> Void = { _, _ in }
    ) async throws {
        let start = ContinuousClock.now
        var attempt = configuration
        attempt.settings = [:]
        while true {
            let left = timeout.map { max(.milliseconds(100), $0 - (ContinuousClock.now - start)) } ?? attemptLimit
            attempt.connectTimeout = min(attemptLimit, left)
            do throws(PostgresError) {
                await (try PostgresConnection.connect(to: attempt)).close()
                return
            } catch {
                guard error.code == .connectionFailed, !isRefusedLogin(error) else {
                    throw MigrationError.describing(error)
                }
                let waited = ContinuousClock.now - start
                if let timeout, waited >= timeout { throw timedOut(timeout, error) }
                report(error, waited)
            }
            do {
                try await Task.sleep(for: .milliseconds(250))
            } catch {
                throw MigrationError.describing(error)
            }
        }
    }

    /// How long one attempt may take: a host that swallows packets must not use up the whole wait.
    private static let attemptLimit: Duration = .seconds(5)

    static func isRefusedLogin(_ error: PostgresError) -> Bool {
        let signs = [
            "authentication failed", "no password supplied", "no pg_hba.conf entry", "pg_hba.conf rejects",
            "is not permitted to log in", "give one through .pgpass",
        ]
        if signs.contains(where: error.message.contains) { return true }
        return error.message.contains("role \"") && error.message.contains("does not exist")
    }

    private static func timedOut(_ timeout: Duration, _ error: PostgresError) -> MigrationError {
        MigrationError(
            .cannotConnect,
            "the server did not accept a connection within \(timeout.rounded): \(error)",
            hint: "check the address and whether the server is starting",
            exitCode: .cannotConnect,
            underlying: error
        )
    }
}
