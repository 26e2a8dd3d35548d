public import Postgres

/// The bookkeeping tables and every statement that touches them.
///
/// - `migrate_history` has one line for each step, written in the step's own transaction.
/// - `migrate_control` has one line: the fencing token, who runs, and how far.
/// - `migrate_backfill` has one line for each backfill under way: where its next batch begins.
///
/// Names are always qualified, so that no `search_path` can lead elsewhere; texts made here are not kept prepared.
struct HistoryStore: Sendable {
    /// The layout of the tables that this version of the engine writes and reads.
    static let format: Int32 = 1

    let schema: String
    let history: String
    let control: String
    let backfill: String

    init(schema: String) {
        self.schema = schema
        let prefix = PostgresQuery.quote(identifier: schema)
        history = "\(prefix).migrate_history"
        control = "\(prefix).migrate_control"
        backfill = "\(prefix).migrate_backfill"
    }

    /// Reads the whole history; a database without the tables has none.
    ///
    /// Writes nothing and takes no lock that anybody would wait for, so a reader or a standby can be asked.
    func read(_ connection: PostgresConnection) async throws -> MigrationHistory {
        guard try await exists(connection) else { return MigrationHistory() }
        let isInitialRun = try await checkControl(connection)
        let rows = try await connection.query(
            once(
                """
                SELECT version, migration_name, phase, step, step_count, step_name, kind, checksum_algorithm, checksum,
                    outcome, started_at, finished_at, duration_ms, rows
                FROM \(unsafeSQL: history) ORDER BY version, step
                """
            )
        )
        return MigrationHistory(try rows.decode(HistoryRecord.self), isInitialRunUnfinished: isInitialRun)
    }

    /// Makes the tables where they are missing.
    ///
    /// Only under the lock: `IF NOT EXISTS` is not safe against itself.
    func create(_ connection: PostgresConnection) async throws {
        guard try await !exists(connection) else {
            _ = try await checkControl(connection)
            return
        }
        try await connection.withTransaction { connection in
            let known = try await connection.query(once("SELECT to_regnamespace(\(quotedSchema)) IS NOT NULL"))
            // Looked up first: IF NOT EXISTS needs the privilege to create even when nothing is created.
            if try !known.one().decode(Bool.self) {
                try await connection.execute(script: "CREATE SCHEMA \(quotedSchema)")
            }
            try await connection.execute(script: Self.tables(history: history, control: control, backfill: backfill))
            try await connection.query(
                once(
                    """
                    INSERT INTO \(unsafeSQL: control) (format, token, initial_run)
                    VALUES (\(Self.format), \(Int64(0)), true)
                    """
                )
            )
        }
    }

    /// Takes the next fencing token: from here on, no transaction of an earlier runner can commit a step.
    func takeToken(_ connection: PostgresConnection, holder: String) async throws -> FencingToken {
        let rows = try await connection.query(
            once(
                """
                UPDATE \(unsafeSQL: control)
                SET token = token + 1, holder = \(holder), holder_pid = pg_backend_pid(), activity = NULL,
                    activity_at = clock_timestamp()
                RETURNING token
                """
            )
        )
        return FencingToken(value: try rows.one().decode(Int64.self))
    }

    /// Proves, inside a step's transaction, that this runner is still the one, and says what it does.
    ///
    /// The line stays locked until the transaction ends: a newer runner waits for it rather than overtaking it.
    ///
    /// - Throws: ``MigrationError`` of code `fenced` when another runner has taken over.
    func prove(_ token: FencingToken, activity: String, _ connection: PostgresConnection) async throws {
        let rows = try await connection.query(
            once(
                """
                UPDATE \(unsafeSQL: control) SET activity = \(activity), activity_at = clock_timestamp()
                WHERE token = \(token.value)
                """
            )
        )
        guard rows.commandTag.rowCount == 1 else {
            throw MigrationError(
                .fenced,
                "another runner has taken over; this one stops without changing anything more",
                hint: "run \"migrate status\" to see how far it is",
                exitCode: .lockHeld
            )
        }
    }

    /// The run that found the database empty has reached its end; contract migrations wait to be asked for from now.
    func finishInitialRun(_ token: FencingToken, _ connection: PostgresConnection) async throws {
        try await connection.query(
            once("UPDATE \(unsafeSQL: control) SET initial_run = false WHERE token = \(token.value) AND initial_run")
        )
    }

    /// What the present runner said last; nil before the first.
    func activity(_ connection: PostgresConnection) async throws -> RunnerActivity? {
        guard try await exists(connection) else { return nil }
        let rows = try await connection.query(
            once("SELECT holder, holder_pid, activity, activity_at FROM \(unsafeSQL: control)")
        )
        guard let row = try rows.zeroOrOne() else { return nil }
        return RunnerActivity(
            holder: try row.decode("holder", as: String?.self) ?? "unknown",
            processID: try row.decode("holder_pid", as: Int32?.self),
            activity: try row.decode("activity", as: String?.self),
            changedAt: try row.decode("activity_at", as: PostgresTimestamp?.self)
        )
    }

    /// Writes a step's line; returns the transaction's number, by which a lost COMMIT can be asked for.
    ///
    /// A line that says the step was intended becomes one that says it was applied.
    func record(
        _ step: PlannedStep,
        outcome: HistoryRecord.Outcome,
        timing: StepTiming,
        token: FencingToken,
        _ connection: PostgresConnection
    ) async throws -> UInt64 {
        let migration = step.migration
        let rows = try await connection.query(
            once(
                """
                INSERT INTO \(unsafeSQL: history) AS h (version, step, step_count, migration_name, step_name, phase, kind,
                    checksum_algorithm, checksum, outcome, started_at, finished_at, duration_ms, rows, lock_held_ms,
                    token, applied_by)
                VALUES (\(migration.version.number), \(step.ordinal), \(Int32(clamping: migration.steps.count)),
                    \(migration.name), \(step.step.name), \(migration.phase.rawValue),
                    \(step.step.kind.label.rawValue), \(step.step.file.checksum.algorithm),
                    \(step.step.file.checksum.hex), \(outcome.rawValue), \(timing.startedAt),
                    CASE WHEN \(outcome == .applied) THEN clock_timestamp() END, \(timing.durationMilliseconds),
                    \(timing.rows), \(timing.lockHeldMilliseconds), \(token.value), session_user)
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

    /// A query whose text is used once in a run: preparing it would cost a round trip.
    func once(_ query: PostgresQuery) -> PostgresQuery {
        var query = query
        query.isCacheable = false
        return query
    }

    private var quotedSchema: String { PostgresQuery.quote(identifier: schema) }

    private func exists(_ connection: PostgresConnection) async throws -> Bool {
        let rows = try await connection.query(once("SELECT to_regclass(\(control)) IS NOT NULL"))
        return try rows.one().decode(Bool.self)
    }

    /// Checks the layout of the tables; returns whether the run that found the database empty is unfinished.
    private func checkControl(_ connection: PostgresConnection) async throws -> Bool {
        let rows = try await connection.query(once("SELECT format, initial_run FROM \(unsafeSQL: control)"))
        guard let (format, isInitialRun) = try rows.zeroOrOne()?.decode(Int32.self, Bool.self) else {
            throw MigrationError(
                .bookkeepingUnreadable,
                "\(control) has lost its only line",
                hint: "restore it: INSERT INTO \(control) (format, token, initial_run) VALUES (\(Self.format), "
                    + "(SELECT coalesce(max(token), 0) FROM \(history)), false)",
                exitCode: .needsHuman
            )
        }
        guard format == Self.format else {
            throw MigrationError(
                .bookkeepingUnreadable,
                "the bookkeeping in schema \(schema) has format \(format); this program knows format \(Self.format)",
                hint: "use the program version that wrote it, or a newer one",
                exitCode: .ahead
            )
        }
        return isInitialRun
    }

    private static func tables(history: String, control: String, backfill: String) -> String {
        """
        CREATE TABLE \(control) (
            only_line boolean PRIMARY KEY DEFAULT true CHECK (only_line),
            format integer NOT NULL,
            token bigint NOT NULL,
            initial_run boolean NOT NULL,
            holder text,
            holder_pid integer,
            activity text,
            activity_at timestamptz
        );
        CREATE TABLE \(history) (
            version bigint NOT NULL,
            step integer NOT NULL,
            step_count integer NOT NULL,
            migration_name text NOT NULL,
            step_name text NOT NULL,
            phase text NOT NULL,
            kind text NOT NULL,
            checksum_algorithm text NOT NULL,
            checksum text NOT NULL,
            outcome text NOT NULL CHECK (outcome IN ('intent', 'applied')),
            started_at timestamptz NOT NULL,
            finished_at timestamptz,
            duration_ms bigint,
            rows bigint,
            lock_held_ms double precision,
            token bigint NOT NULL,
            applied_by text NOT NULL,
            schema_fingerprint text,
            PRIMARY KEY (version, step)
        );
        CREATE TABLE \(backfill) (
            version bigint NOT NULL,
            step integer NOT NULL,
            relation oid NOT NULL,
            storage oid NOT NULL,
            pass integer NOT NULL,
            next_page bigint NOT NULL,
            end_page bigint NOT NULL,
            rows bigint NOT NULL,
            batches bigint NOT NULL,
            started_at timestamptz NOT NULL,
            PRIMARY KEY (version, step)
        );
        """
    }
}

/// Grows with each runner; only the newest may commit a step.
struct FencingToken: Sendable, Hashable {
    let value: Int64
}

/// How long a step took and what it did.
struct StepTiming: Sendable {
    let startedAt: PostgresTimestamp
    let durationMilliseconds: Int64
    var rows: Int64?
    var lockHeldMilliseconds: Double?
}

/// Who runs, and what it said last.
public struct RunnerActivity: Sendable, Hashable {
    /// Host, user and program of the runner.
    public let holder: String
    /// The server process of its working connection.
    public let processID: Int32?
    /// The step it is in, and how far.
    public let activity: String?
    /// When it said so, by the server's clock.
    public let changedAt: PostgresTimestamp?
}
