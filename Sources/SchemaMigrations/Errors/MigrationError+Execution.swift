import Postgres

extension MigrationError.Code {
    /// Another runner has taken over.
    public static let fenced = Self(rawValue: "fenced")
    /// Another runner holds the lock.
    public static let lockHeld = Self(rawValue: "lock_held")
    /// The connection that held the lock broke.
    public static let lockLost = Self(rawValue: "lock_lost")
    /// The bookkeeping tables cannot be used.
    public static let bookkeepingUnreadable = Self(rawValue: "bookkeeping_unreadable")
    /// The server refused a statement of a step.
    public static let sqlFailed = Self(rawValue: "sql_failed")
    /// Table locks were not to be had within the stall budget.
    public static let stallBudgetSpent = Self(rawValue: "stall_budget_spent")
    /// Rows that a backfill should change keep appearing.
    public static let backfillNeverEnds = Self(rawValue: "backfill_never_ends")
    /// The role lacks what the bookkeeping or a pending step needs.
    public static let missingPrivileges = Self(rawValue: "missing_privileges")
    /// What a backfill is to hold back for cannot be seen.
    public static let cannotThrottle = Self(rawValue: "cannot_throttle")
    /// The connection broke while a step ran.
    public static let connectionLost = Self(rawValue: "connection_lost")
    /// The database could not be reached.
    public static let cannotConnect = Self(rawValue: "cannot_connect")
    /// Somebody has asked runs to stop, with `migrate pause`.
    public static let paused = Self(rawValue: "paused")
    /// The run was interrupted.
    public static let interrupted = Self(rawValue: "interrupted")
    /// A step outside a transaction was cut short and nothing tells whether it happened.
    public static let unsettled = Self(rawValue: "unsettled")
    /// The database answered something else than expected.
    public static let database = Self(rawValue: "database")
}

extension MigrationError {
    /// A step's SQL was refused; `consequence` says what became of what it had done.
    init(sqlFailure error: PostgresError, in step: PlannedStep, position: Int?, consequence: String) {
        let hint = "\(consequence); mend the file and run \"migrate up\" again"
        self.init(sqlFailure: error, in: step.step.file, position: position, hint: hint)
    }

    /// A file's SQL was refused: place in the file, the line with a caret, SQLSTATE, message, detail and hint.
    ///
    /// The position is that in the file, counted from 1 in characters; nil when the server did not say.
    init(sqlFailure error: PostgresError, in file: SQLFile, position: Int?, hint: String?) {
        let server = error.server
        let excerpt = position.map { SourceExcerpt(of: file.text, serverPosition: $0) }
        var message = "\(server?.severity ?? "ERROR"): \(server?.message ?? error.message)"
        if let state = server?.sqlState { message += " (SQLSTATE \(state))" }
        if let detail = server?.detail { message += "\ndetail: \(detail)" }
        let hints = [server?.hint, hint].compactMap(\.self)
        self.init(
            .sqlFailed,
            message,
            at: SourceLocation(file: file.path, line: excerpt?.line, column: excerpt?.column),
            excerpt: excerpt,
            hint: hints.isEmpty ? nil : hints.joined(separator: "\n"),
            underlying: error
        )
    }

    static func fenced() -> MigrationError {
        MigrationError(
            .fenced,
            "another runner has taken over; this one stops without changing anything more",
            hint: "run \"migrate status\" to see how far it is",
            exitCode: .lockHeld
        )
    }

    static func lockLost(before step: PlannedStep) -> MigrationError {
        MigrationError(
            .lockLost,
            "the connection that holds the migration lock broke; stopped before \(step.label)",
            hint: "run \"migrate up\" again; what was applied stays",
            exitCode: .tryAgainLater
        )
    }

    /// Any error as one of the engine's, with the exit code that fits.
    package static func describing(_ error: any Error, step: PlannedStep? = nil) -> MigrationError {
        if let known = error as? MigrationError { return known }
        let place = step.map { " in \($0.label)" } ?? ""
        if error is CancellationError { return interrupted(place, error) }
        guard let database = error as? PostgresError else {
            return MigrationError(.database, "unexpected error\(place): \(error)", underlying: error)
        }
        switch database.code {
        case .cancelled:
            return interrupted(place, error)
        case .connectionFailed, .invalidConfiguration:
            let hint =
                "check the address, the server and the credentials; \"migrate wait\" waits for a server to come up"
            return MigrationError(.cannotConnect, "\(error)", hint: hint, exitCode: .cannotConnect, underlying: error)
        case .connectionClosed, .commitOutcomeUnknown:
            return MigrationError(
                .connectionLost,
                "the connection was lost\(place): \(error)",
                hint: "run \"migrate up\" again: it finds out what was applied and goes on",
                underlying: error
            )
        default:
            return MigrationError(.database, "the database refused\(place): \(error)", underlying: error)
        }
    }

    private static func interrupted(_ place: String, _ error: any Error) -> MigrationError {
        MigrationError(
            .interrupted,
            "interrupted\(place); what was committed stays",
            hint: "run \"migrate up\" again to go on",
            exitCode: .paused,
            underlying: error
        )
    }
}
