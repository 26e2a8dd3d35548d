import Postgres

extension HistoryStore {
    /// Writes a step's line, and that of its attempt.
    ///
    /// A line that says the step was intended becomes one that says it was applied.
    ///
    /// - Throws: ``MigrationError`` of code `fenced` when it is recorded as applied already.
    func record(
        _ step: PlannedStep,
        outcome: HistoryRecord.Outcome,
        timing: StepTiming,
        _ key: AttemptKey,
        _ connection: PostgresConnection
    ) async throws {
        if outcome == .applied { try await keepTrace(of: key, connection) }
        let tags = try await connection.execute(script: recording(step, outcome: outcome, timing: timing, key))
        guard tags.last?.rowCount == 1 else { throw MigrationError.recordedAlready(step) }
    }

    /// The same as text, without the attempt's trace, for the message that ends the transaction.
    ///
    /// A step without a line is inserted and nothing else: when it is recorded already that is a violation of
    /// the primary key, which keeps the transaction from committing.
    func recording(
        _ step: PlannedStep,
        outcome: HistoryRecord.Outcome,
        timing: StepTiming,
        _ key: AttemptKey
    ) -> String {
        let isApplied = outcome == .applied
        let line = historyLine(of: step, outcome: outcome, timing: timing, key.token)
        let insertion = """
            INSERT INTO \(history) AS h (\(line.map(\.column).joined(separator: ", ")))
            VALUES (\(line.map(\.value).joined(separator: ", ")))
            """
        let takesIntent = """
             ON CONFLICT (version, step) DO UPDATE SET outcome = excluded.outcome,
                finished_at = excluded.finished_at, duration_ms = excluded.duration_ms, rows = excluded.rows,
                checksum = excluded.checksum, token = excluded.token
            WHERE h.outcome = 'intent'
            """
        let attempt = """
            UPDATE \(attempt) SET outcome = 'applied', finished_at = pg_catalog.clock_timestamp(),
                duration_ms = \(timing.durationMilliseconds), tries = \(SQLText(timing.tries)),
                lock_held_ms = \(SQLText(timing.lockHeldMilliseconds)),
                others_blocked_ms = \(SQLText(timing.othersBlockedMilliseconds)), rows = \(SQLText(timing.rows))
            WHERE token = \(key.token.value) AND number = \(key.number);

            """
        return (isApplied ? attempt : "") + insertion + (step.isInsertedOnly ? "" : takesIntent)
    }

    private func historyLine(
        of step: PlannedStep,
        outcome: HistoryRecord.Outcome,
        timing: StepTiming,
        _ token: FencingToken
    ) -> [(column: String, value: String)] {
        let migration = step.migration
        return [
            ("version", "\(migration.version.number)"), ("step", "\(step.ordinal)"),
            ("step_count", "\(Int32(clamping: migration.steps.count))"),
            ("migration_name", PostgresQuery.quote(literal: migration.name)),
            ("step_name", PostgresQuery.quote(literal: step.step.name)),
            ("phase", PostgresQuery.quote(literal: migration.phase.rawValue)),
            ("kind", PostgresQuery.quote(literal: step.step.kind.label.rawValue)),
            ("checksum_algorithm", PostgresQuery.quote(literal: step.step.file.checksum.algorithm)),
            ("checksum", PostgresQuery.quote(literal: step.step.file.checksum.hex)),
            ("outcome", PostgresQuery.quote(literal: outcome.rawValue)),
            ("started_at", "pg_catalog.transaction_timestamp()"),
            ("finished_at", outcome == .applied ? "pg_catalog.clock_timestamp()" : "NULL"),
            ("duration_ms", "\(timing.durationMilliseconds)"), ("rows", "\(SQLText(timing.rows))"),
            ("lock_held_ms", "\(SQLText(timing.lockHeldMilliseconds))"), ("token", "\(token.value)"),
            ("applied_by", "session_user"), ("requires_release", "\(SQLText(step.step.options.requiredRelease))"),
        ]
    }

    /// Stores what happened during an attempt, where there is something to tell.
    func keepTrace(of key: AttemptKey, _ connection: PostgresConnection) async throws {
        guard let trace = key.trace.stored else { return }
        try await connection.query(
            once(
                """
                UPDATE \(unsafeSQL: attempt) SET trace = \(trace)
                WHERE token = \(key.token.value) AND number = \(key.number)
                """
            )
        )
    }

    /// Whether the server refused a line of the history for this reason.
    func isOfHistory(_ error: PostgresError, _ state: SQLState) -> Bool {
        guard let server = error.server, server.sqlState == state else { return false }
        return server.schema == schema && server.table == "migrate_history"
    }

    /// Whether a step is recorded as applied by this runner, once no transaction of its own is open any more.
    ///
    /// Such a transaction holds the control line's lock until it has ended.
    func isApplied(_ step: PlannedStep, by token: FencingToken, _ connection: PostgresConnection) async throws -> Bool {
        try await connection.query(once("SELECT FROM \(unsafeSQL: control) FOR NO KEY UPDATE"))
        return try await connection.query(
            once(
                """
                SELECT EXISTS (SELECT FROM \(unsafeSQL: history)
                    WHERE version = \(step.migration.version.number) AND step = \(step.ordinal)
                        AND outcome = 'applied' AND token = \(token.value))
                """
            )
        ).one().decode(Bool.self)
    }

    /// Takes back the line of a step that was intended and is known not to have happened.
    func withdrawIntent(_ step: PlannedStep, _ connection: PostgresConnection) async throws {
        try await connection.query(
            once(
                """
                DELETE FROM \(unsafeSQL: history) WHERE version = \(step.migration.version.number)
                AND step = \(step.ordinal) AND outcome = 'intent'
                """
            )
        )
    }
}

/// A number as SQL; NULL where there is none.
private struct SQLText<Value: Numeric & CustomStringConvertible>: CustomStringConvertible {
    let value: Value?

    init(_ value: Value?) {
        self.value = value
    }

    var description: String { value?.description ?? "NULL" }
}

extension MigrationError {
    static func recordedAlready(_ step: PlannedStep) -> MigrationError {
        MigrationError(
            .fenced,
            "step \(step.label) is recorded as applied already; this run's view of the database is out of date",
            hint: "run \"migrate up\" again",
            exitCode: .lockHeld
        )
    }
}

/// How long a step took and what it did.
struct StepTiming: Sendable {
    let durationMilliseconds: Int64
    var rows: Int64?
    var lockHeldMilliseconds: Double?
    var othersBlockedMilliseconds: Double?
    var tries: Int32?
    /// What its file has set for the session, where that was asked in its transaction.
    var leftSettings: [String]?
}
