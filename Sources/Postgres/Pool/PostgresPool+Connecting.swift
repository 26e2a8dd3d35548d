import Logging

extension PostgresPool {
    /// Opens a connection in a task of the pool's: whoever wanted it may be cancelled, and another gets it then.
    func startConnect() {
        let id = books.withLock { $0.state.nextID() }
        connects.withLock { connects in
            connects[id] = Task {
                await connect()
                self.connects.withLock { _ = $0.removeValue(forKey: id) }
            }
        }
    }

    private func connect() async {
        if let time = books.withLock({ $0.state.retryTime }) { try? await Task.sleep(for: time.remaining()) }
        let (isWanted, generation) = books.withLock { ($0.state.isConnectWanted, $0.state.generation) }
        guard isWanted else { return perform(books.withLock { $0.state.connectAbandoned() }) }
        let start = MonotonicTime.now()
        do throws(PostgresError) {
            let current = try await options.beforeConnecting?(configuration) ?? configuration
            let session = try await Session.open(current, database)
            try await prepare(session)
            let now = MonotonicTime.now()
            metrics?.created(now.nanoseconds &- start.nanoseconds)
            let expiry = options.maximumLifetime.flatMap { MonotonicTime.after($0 * Double.random(in: 0.9...1)) }
            perform(
                books.withLock {
                    $0.state.connected(session, generation: generation, expiry: expiry, now: now)
                }
            )
        } catch {
            report(error)
        }
        showCounts()
    }

    private func prepare(_ session: Session) async throws(PostgresError) {
        guard let hook = options.prepareConnection else { return }
        let connection = PostgresConnection(session, observer: observer)
        do throws(PostgresError) {
            try await hook(connection)
            connection.markReturned()
        } catch {
            connection.markReturned()
            await session.close()
            throw error
        }
    }

    private func report(_ error: PostgresError) {
        let isPermanent = error.isPermanentConnectFailure
        let now = MonotonicTime.now()
        let jitter = Double.random(in: 0...1)
        let (effects, failures, isClosed) = books.withLock { books in
            let effects = books.state.connectFailed(error, isPermanent: isPermanent, jitter: jitter, now: now)
            return (effects, books.state.failures, books.state.isClosed)
        }
        // Each failure of a long outage would bury everything else; after the end, connects are cancelled.
        configuration.logger.log(
            level: failures == 1 && !isClosed ? .warning : .debug,
            "a connection could not be opened",
            metadata: ["error": "\(error)", "failures": "\(failures)"]
        )
        perform(effects)
    }
}

extension PostgresError {
    /// Whether connecting again is of no use until somebody changes something: refused by authentication, an unknown
    /// database, a missing privilege or a setting that cannot be used.
    var isPermanentConnectFailure: Bool {
        guard let state = sqlState else {
            // libpq tells the reason of a failed connect as text alone. In a language that is not known here it is
            // tried again until the caller's time is up, which only takes longer.
            return code == .invalidConfiguration || code == .encodingFailed
                || Self.permanentReasons.contains { message.contains($0) }
        }
        return switch state {
        case .invalidAuthorization, .invalidCatalogName, .syntaxErrorOrAccessRuleViolation, .dataException: true
        default: false
        }
    }

    private static let permanentReasons = [
        "authentication failed", "no password supplied", "not permitted to log in", "no pg_hba.conf entry",
        "permission denied for database", "certificate verify failed", "\" does not exist",
    ]
}
