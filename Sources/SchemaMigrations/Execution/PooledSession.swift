import Postgres

/// What has to be otherwise behind a pooler in transaction mode.
///
/// There the next transaction may run in another session of the server, and this one may be another client's: whatever
/// is set for a session has to be reset in the transaction that set it.
extension StepSession {
    /// Behind a step's SQL, in its transaction: what it has set for the session is taken back with the COMMIT.
    static let resetInTransaction = "RESET ALL; SET SESSION AUTHORIZATION DEFAULT; \(end)"

    /// What a step's SQL has set for its session, asked in its transaction.
    ///
    /// Settings for the session and for the transaction cannot be told apart then: what the text sets with `SET LOCAL`
    /// is left out, and so is what the engine sets itself, unless the text sets it too. A setting that a function has
    /// made for the transaction only may be told.
    static func left(behind step: MigrationStep, _ connection: PostgresConnection) async throws -> [String] {
        let (forSession, local) = step.settingsOfText
        var query: PostgresQuery = """
            SELECT lower(name) FROM pg_settings WHERE source = 'session'
            UNION SELECT 'role' WHERE current_setting('role') <> 'none'
            """
        query.isCacheable = false
        let found = try await connection.query(query).map { try $0.decode(at: 0, as: String.self) }
        let ours: Set<String> = [
            "client_connection_check_interval", "deadlock_timeout", "idle_in_transaction_session_timeout",
            "lock_timeout", "role", "search_path",
            "statement_timeout", "transaction_isolation", "transaction_read_only", "transaction_deferrable",
        ]
        let keepAlive = MigrationLock.keepAliveSettings.keys
        return Set(found).subtracting(ours).subtracting(keepAlive).subtracting(local).union(forSession).sorted()
    }
}

extension MigrationStep {
    /// What the SET statements of its text set, for the session and for the transaction, in lowercase.
    var settingsOfText: (session: Set<String>, local: Set<String>) {
        var (session, local): (Set<String>, Set<String>) = ([], [])
        for statement in (try? inspect())?.statements ?? [] where statement.kind == "SET" {
            var words = statement.sql.lowercased().split { $0.isWhitespace || $0 == "=" }.dropFirst().map(String.init)[
                ...
            ]
            guard words.first != "reset" else { continue }
            let isLocal = words.first == "local"
            if isLocal || (words.first == "session" && words.dropFirst().first != "authorization") {
                words.removeFirst()
            }
            let name: String? =
                switch words.first {
                case "time": "timezone"
                case "session": "session_authorization"
                case let name: name
                }
            guard let name, name != "transaction", name != "characteristics" else { continue }
            if isLocal { local.insert(name) } else { session.insert(name) }
        }
        return (session, local)
    }

    /// Why it cannot run behind a pooler in transaction mode; nil when it can.
    ///
    /// Its settings would have to be made for the session, before a statement that takes no other beside it.
    func obstacleBehindPooler(_ role: String?) -> MigrationError? {
        guard kind.label != .transaction else { return nil }
        let isBare =
            kind.label == .backfill || (options.lockTimeout == nil && options.statementTimeout == nil && role == nil)
        guard settings != nil || !isBare else { return nil }
        return MigrationError(
            .needsDirectConnection,
            "the step runs outside a transaction and needs settings or a role: behind a pooler in transaction mode they "
                + "would reach other clients, and not the step",
            at: SourceLocation(file: file.path),
            hint: "connect to the server itself: MIGRATE_DATABASE_URL; nothing of this step was done",
            exitCode: .needsHuman
        )
    }
}

extension MigrationError.Code {
    /// A step cannot run behind a pooler in transaction mode.
    public static let needsDirectConnection = Self(rawValue: "needs_direct_connection")
}
