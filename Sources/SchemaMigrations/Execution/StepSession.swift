import Postgres

/// Under which settings a step's SQL runs, beside its timeouts.
struct StepSession: Sendable {
    /// The search path that the run began with; nil leaves the session's.
    var searchPath: String?
    /// The role to become; nil stays the one that has logged in.
    var role: String?
    /// Whether the server process at work is another one than the connection was told of: the next transaction may run
    /// in another session.
    var isPooled = false

    /// Reads what the run begins with, and checks that the role may be had.
    ///
    /// - Throws: ``MigrationError`` of code `missingPrivileges`.
    static func begin(_ role: String?, _ connection: PostgresConnection) async throws -> StepSession {
        var query: PostgresQuery = """
            SELECT pg_backend_pid(), current_setting('search_path'), session_user::text, to_regrole(\(role.map(QualifiedName.quote))) IS NOT NULL,
                coalesce(pg_has_role(session_user, to_regrole(\(role.map(QualifiedName.quote)))::oid, 'MEMBER'), false)
            """
        query.isCacheable = false
        let (process, path, user, exists, isMember) = try await connection.query(query).one()
            .decode(Int32.self, String.self, String.self, Bool.self, Bool.self)
        if let role, !isMember {
            throw MigrationError(
                .missingPrivileges,
                exists ? "\(user) may not become the role \(role)" : "there is no role \(role)",
                hint: exists ? "GRANT \(QualifiedName.quote(role)) TO \(QualifiedName.quote(user))" : "create it first",
                exitCode: .needsHuman
            )
        }
        return StepSession(searchPath: path, role: role, isPooled: await connection.backendProcessID != process)
    }

    /// The server process that is at work for the transaction that is open.
    func processID(_ connection: PostgresConnection) async throws -> Int32 {
        guard isPooled else { return await connection.backendProcessID }
        var query: PostgresQuery = "SELECT pg_backend_pid()"
        query.isCacheable = false
        return try await connection.query(query).one().decode(Int32.self)
    }

    /// For a step: one whose file has set things before keeps these.
    func session(for step: MigrationStep) -> StepSession {
        step.settings == nil ? self : StepSession(searchPath: nil, role: role, isPooled: isPooled)
    }

    /// For a statement outside a transaction: to be sent before it.
    var script: String {
        let path = searchPath.map { "SELECT set_config('search_path', \(PostgresQuery.quote(literal: $0)), false); " }
        return (path ?? "") + (role.map { "SET ROLE \(QualifiedName.quote($0)); " } ?? "")
    }

    /// Behind a step's SQL, for what the engine has still to do in its transaction.
    static let end = """
        SET LOCAL SESSION AUTHORIZATION DEFAULT; SET LOCAL ROLE NONE; SET LOCAL statement_timeout = 0
        """
}

extension MigrationStep {
    /// Whether its SQL may change the session's settings or role, as far as its text tells.
    var mayChangeSession: Bool {
        guard let inspection = try? inspect(), inspection.notes.isEmpty else { return true }
        let kinds: Set<String> = ["SET", "DO", "CALL", "EXECUTE"]
        return inspection.statements.contains { kinds.contains($0.kind) || $0.sql.holds("set_config") }
    }
}

extension Migrator {
    /// What a step has left behind in its session, by name; it is about to be reset.
    ///
    /// Outside a transaction the engine's own settings are the session's too, and are told only if the text sets them.
    func settingsLeftBehind(by step: MigrationStep, _ connection: PostgresConnection) async throws -> [String] {
        let ours = step.kind == .noTransaction ? NonTransactionalStepRunner.settingNames : []
        let found: [String] = try await connection.query(
            store.once(
                """
                SELECT name FROM pg_settings WHERE source = 'session'
                UNION ALL SELECT 'role' WHERE current_setting('role') <> 'none'
                UNION ALL SELECT 'session_authorization' FROM pg_stat_activity
                    WHERE pid = pg_backend_pid() AND usename <> session_user
                ORDER BY 1
                """
            )
        ).map { try $0.decode(at: 0) }
        return found.filter { !ours.subtracting(step.settingsOfText.session).contains($0) }
    }

    /// Lists everything that the pending steps need and the roles lack, before anything is changed.
    ///
    /// Steps behind one that may give privileges, or change the role, are not looked at: what they will have then, the
    /// text does not tell.
    ///
    /// - Throws: ``MigrationError`` of code `missingPrivileges`; the first as itself, the others as related.
    func requirePrivileges(for pending: [PlannedStep], _ connection: PostgresConnection) async throws {
        let examination = Examination(migrator: self, connection: connection, longAfter: .seconds(60))
        let clear = pending.prefix { !$0.step.mayChangeSession && !$0.step.mayGrant }
        var findings = try await examination.bookkeepingPrivileges()
        findings += try await examination.stepPrivileges(of: Array(clear))
        let errors = findings.map {
            MigrationError(.missingPrivileges, $0.message, hint: $0.hint, exitCode: .needsHuman)
        }
        if let error = MigrationError.combining(errors) { throw error }
    }
}

extension MigrationStep {
    /// Whether its SQL may change who may do what.
    fileprivate var mayGrant: Bool {
        let text = file.text.uppercased()
        return text.holds("GRANT") || text.holds("OWNER")
    }
}
