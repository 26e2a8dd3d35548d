import Postgres

extension HistoryStore {
    /// Writes a step's line; returns the transaction's number, by which a lost COMMIT can be asked for.
    ///
    /// A line that says the step was intended becomes one that says it was applied. The attempt's line follows.
    func record(
        _ step: PlannedStep,
        outcome: HistoryRecord.Outcome,
        timing: StepTiming,
        _ key: AttemptKey,
        _ connection: PostgresConnection
    ) async throws -> UInt64 {
        let migration = step.migration
        let isApplied = outcome == .applied
        let rows = try await connection.query(
            once(
                """
                WITH attempt AS (
                    UPDATE \(unsafeSQL: attempt) SET outcome = 'applied', finished_at = clock_timestamp(),
                        duration_ms = \(timing.durationMilliseconds), tries = \(timing.tries),
                        lock_held_ms = \(timing.lockHeldMilliseconds),
                        others_blocked_ms = \(timing.othersBlockedMilliseconds), rows = \(timing.rows),
                        trace = \(isApplied ? key.trace.stored : nil)
                    WHERE \(isApplied) AND token = \(key.token.value) AND number = \(key.number)
                )
                INSERT INTO \(unsafeSQL: history) AS h (version, step, step_count, migration_name, step_name, phase, kind,
                    checksum_algorithm, checksum, outcome, started_at, finished_at, duration_ms, rows,
                    lock_held_ms, token, applied_by, requires_release)
                VALUES (\(migration.version.number), \(step.ordinal), \(Int32(clamping: migration.steps.count)),
                    \(migration.name), \(step.step.name), \(migration.phase.rawValue),
                    \(step.step.kind.label.rawValue),
                    \(step.step.file.checksum.algorithm), \(step.step.file.checksum.hex), \(outcome.rawValue),
                    \(timing.startedAt), CASE WHEN \(isApplied) THEN clock_timestamp() END,
                    \(timing.durationMilliseconds), \(timing.rows), \(timing.lockHeldMilliseconds), \(key.token.value),
                    session_user, \(step.step.options.requiredRelease))
                ON CONFLICT (version, step) DO UPDATE SET outcome = excluded.outcome,
                    finished_at = excluded.finished_at, duration_ms = excluded.duration_ms, rows = excluded.rows,
                    checksum = excluded.checksum, token = excluded.token
                WHERE h.outcome = 'intent'
                RETURNING pg_current_xact_id()
                """
            )
        )
        guard let row = rows.first else {
            throw MigrationError(
                .fenced,
                "step \(step.label) is recorded as applied already; this run's view of the database is out of date",
                hint: "run \"migrate up\" again",
                exitCode: .lockHeld
            )
        }
        return try row.decode(UInt64.self)
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

/// How long a step took and what it did.
struct StepTiming: Sendable {
    let startedAt: PostgresTimestamp
    let durationMilliseconds: Int64
    var rows: Int64?
    var lockHeldMilliseconds: Double?
    var othersBlockedMilliseconds: Double?
    var tries: Int32?
    /// What its file has set for the session, where that was asked in its transaction.
    var leftSettings: [String]?
}
