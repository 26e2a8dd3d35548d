import Postgres

/// Which line of the attempt log an attempt has.
struct AttemptKey: Sendable {
    let token: FencingToken
    /// Counted within the run, from 1.
    let number: Int32
    /// What happens during the attempt.
    let trace = AttemptTraceRecorder()
}

extension HistoryStore {
    /// Every attempt, the oldest first; none where there is no bookkeeping.
    func attempts(_ connection: PostgresConnection) async throws -> [MigrationAttempt] {
        guard try await exists(connection) else { return [] }
        _ = try await checkControl(connection)
        return try await connection.query(
            once(
                """
                SELECT \(unsafeSQL: MigrationAttempt.columnNames.joined(separator: ", "))
                FROM \(unsafeSQL: attempt) ORDER BY token, number
                """
            )
        ).decode(MigrationAttempt.self)
    }

    /// Says, in a transaction of its own, that a step begins: to those who wait, and for good.
    ///
    /// As text, for ``AttemptBeginning``; ``hasBegun(_:)`` reads its tags. No flush to disk: a server that crashes right
    /// now may forget it. What the step before has set for its session is reset first. Nothing is begun when another
    /// runner has taken over, nor, if it `mayBePaused`, when somebody has asked runs to pause. It may be sent again when
    /// what comes behind it in its message was refused.
    func beginning(of key: AttemptKey, _ step: PlannedStep, runner: String, mayBePaused: Bool) -> String {
        let token = key.token.value
        let activity = PostgresQuery.quote(literal: step.label)
        let texts = [step.migration.name, step.step.name, step.step.kind.label.rawValue, runner]
            .map(PostgresQuery.quote(literal:)).joined(separator: ", ")
        let unlessPaused = mayBePaused ? " AND NOT EXISTS (SELECT FROM \(request) WHERE paused_at IS NOT NULL)" : ""
        // The line of the attempt is written exactly if this transaction has written the control line.
        return """
            \(Self.resetSession); BEGIN; SET LOCAL synchronous_commit = off;
            UPDATE \(control) SET activity = \(activity), activity_at = clock_timestamp()
            WHERE token = \(token)\(unlessPaused);
            INSERT INTO \(attempt) (token, number, version, step, migration_name, step_name, kind, runner, role,
                started_at, outcome)
            SELECT \(token), \(key.number), \(step.migration.version.number), \(step.ordinal), \(texts), session_user,
                clock_timestamp(), 'running'
            FROM \(control) WHERE xmin = pg_current_xact_id_if_assigned()::xid
            ON CONFLICT (token, number) DO UPDATE SET outcome = excluded.outcome;
            COMMIT
            """
    }

    /// Reads the tags of a message that was, or began with, ``beginning(of:_:runner:mayBePaused:)``.
    static func hasBegun(_ tags: [CommandTag]) -> Bool {
        tags.prefix { $0.description != "COMMIT" }.last?.rowCount == 1
    }

    /// Writes, in the transaction that does it, that an attempt to take a migration back has led to its end.
    func finishRollback(_ key: AttemptKey, tries: Int, _ connection: PostgresConnection) async throws {
        try await connection.query(
            once(
                """
                UPDATE \(unsafeSQL: attempt) SET outcome = 'applied', finished_at = clock_timestamp(),
                    duration_ms = 1000 * extract(epoch FROM clock_timestamp() - started_at),
                    tries = \(Int32(clamping: tries)), trace = \(key.trace.stored)
                WHERE token = \(key.token.value) AND number = \(key.number)
                """
            )
        )
    }

    /// Writes, in the transaction that does it, what was done to the history without a step; its place is 0.
    func log(
        _ deed: String,
        at migration: Migration,
        _ token: FencingToken,
        runner: String,
        _ connection: PostgresConnection
    ) async throws {
        try await connection.query(
            once(
                """
                INSERT INTO \(unsafeSQL: attempt) (token, number, version, step, migration_name, step_name, kind, runner,
                    role, started_at, finished_at, duration_ms, outcome)
                VALUES (\(token.value), 1, \(migration.version.number), 0, \(migration.name), \(deed), 'transaction',
                    \(runner), session_user, transaction_timestamp(), clock_timestamp(),
                    1000 * extract(epoch FROM clock_timestamp() - transaction_timestamp()), 'applied')
                """
            )
        )
    }

    /// Writes how an attempt failed; in a transaction of its own, since the step's is rolled back.
    func finish(_ key: AttemptKey, after error: MigrationError, _ connection: PostgresConnection) async throws {
        let outcome: MigrationAttempt.Outcome = error.exitCode == .paused ? .interrupted : .failed
        let state = (error.underlying as? PostgresError)?.sqlState?.rawValue
        let place = error.location.map { "\($0): " } ?? ""
        try await connection.query(
            once(
                """
                UPDATE \(unsafeSQL: attempt) SET outcome = \(outcome.rawValue), finished_at = clock_timestamp(),
                    duration_ms = 1000 * extract(epoch FROM clock_timestamp() - started_at),
                    trace = \(key.trace.stored), error_code = \(error.code.rawValue), sqlstate = \(state), error = \(place + error.message)
                WHERE token = \(key.token.value) AND number = \(key.number) AND outcome = 'running'
                """
            )
        )
    }

    /// Notes that the attempts of earlier runners, which are all gone, have led to nothing.
    func closeAbandonedAttempts(before token: FencingToken, _ connection: PostgresConnection) async throws {
        try await connection.query(
            once(
                """
                UPDATE \(unsafeSQL: attempt) SET outcome = 'abandoned'
                WHERE outcome = 'running' AND token < \(token.value)
                """
            )
        )
    }
}
