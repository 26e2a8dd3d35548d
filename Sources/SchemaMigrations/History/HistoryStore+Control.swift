public import Postgres

extension HistoryStore {
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
    /// What follows in the transaction runs as `session` says, and is ended by the server when its client is gone: what
    /// nobody will commit must not keep its locks.
    ///
    /// - Throws: ``MigrationError`` of code `fenced` when another runner has taken over.
    func prove(
        _ token: FencingToken,
        activity: String,
        in session: StepSession = StepSession(),
        _ connection: PostgresConnection
    ) async throws {
        let proof = proof(of: token, activity: activity, in: session)
        try Self.check(try await connection.execute(script: proof))
    }

    /// The same as text, for the message that begins the transaction; ``check(_:)`` reads its tags.
    ///
    /// Where the line says already what the runner does, `activity` is nil: it is locked then, and not written.
    func proof(of token: FencingToken, activity: String?, in session: StepSession) -> String {
        let settings = [("search_path", session.searchPath), ("role", session.role)].compactMap { name, value in
            value.map { "pg_catalog.set_config('\(name)', \(PostgresQuery.quote(literal: $0)), true)" }
        }
        // The role comes last: it need not be one that may write here.
        return """
            \(lockedLine(of: token, activity: activity));
            SELECT \(([MigrationLock.clientCheck] + settings).joined(separator: ", "))
            """
    }

    private func lockedLine(of token: FencingToken, activity: String?) -> String {
        guard let activity else { return "SELECT FROM \(control) WHERE token = \(token.value) FOR NO KEY UPDATE" }
        return """
            UPDATE \(control) SET activity = \(PostgresQuery.quote(literal: activity)),
                activity_at = pg_catalog.clock_timestamp()
            WHERE token = \(token.value)
            """
    }

    /// - Throws: ``MigrationError`` of code `fenced` when the proof, which was the last to run, has found no line.
    static func check(_ tags: [CommandTag]) throws(MigrationError) {
        guard tags.dropLast().last?.rowCount == 1 else { throw MigrationError.fenced() }
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

    /// Undoes what a step's SQL may have set for its session.
    static let resetSession = "SET SESSION AUTHORIZATION DEFAULT; RESET ALL"

    /// What people ask of a running `up`.
    func request(_ connection: PostgresConnection) async throws -> RunRequest {
        let rows = try await connection.query(
            once("SELECT paused_at, paused_by, batch_target_ms FROM \(unsafeSQL: request)")
        )
        return try rows.zeroOrOne()?.decode(record: RunRequest.self) ?? RunRequest()
    }

    /// Asks something of a running `up`, and of later ones.
    ///
    /// - Throws: ``MigrationError`` of code `bookkeepingUnreadable` where no `up` has ever run.
    func ask(pausedBy: String?, batchTarget: Duration?, _ connection: PostgresConnection) async throws {
        guard try await exists(connection) else {
            throw MigrationError(
                .bookkeepingUnreadable,
                "no migration has ever run here: there is no \(control)",
                hint: "check the database and --schema",
                exitCode: .usage
            )
        }
        _ = try await checkControl(connection)
        try await connection.query(
            once(
                """
                INSERT INTO \(unsafeSQL: request) AS r (paused_at, paused_by, batch_target_ms)
                VALUES (CASE WHEN \(pausedBy)::text IS NOT NULL THEN clock_timestamp() END, \(pausedBy),
                    \(batchTarget?.wholeMilliseconds))
                ON CONFLICT (only_line) DO UPDATE SET paused_at = excluded.paused_at, paused_by = excluded.paused_by,
                    batch_target_ms = coalesce(excluded.batch_target_ms, r.batch_target_ms)
                """
            )
        )
    }
}

/// Grows with each runner; only the newest may commit a step.
struct FencingToken: Sendable, Hashable {
    let value: Int64
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

/// What people ask of a running `up` with `migrate pause` and `migrate resume`.
public struct RunRequest: Sendable, Hashable {
    /// Since when runs are to stop at their next safe point; nil when they may go on.
    public let pausedAt: MigrationTime?
    /// Who asked for that.
    public let pausedBy: String?
    /// How long a batch of a backfill should take, in milliseconds; nil leaves it to the runner's options.
    public let batchTargetMS: Int32?

    /// Nothing.
    init() {
        pausedAt = nil
        pausedBy = nil
        batchTargetMS = nil
    }

    /// How long a batch of a backfill should take; nil leaves it to the runner's options.
    var batchTarget: Duration? { batchTargetMS.map { .milliseconds($0) } }

    /// - Throws: ``MigrationError`` of code `paused`.
    func refusePause() throws(MigrationError) {
        guard let pausedAt else { return }
        throw MigrationError(
            .paused,
            "migrations are paused by \(pausedBy ?? "somebody") since \(pausedAt); what was committed stays",
            hint: "allow them again with \"migrate resume\", then run \"migrate up\" again to go on",
            exitCode: .paused
        )
    }
}

extension RunRequest: PostgresRecord {
    /// The columns of the bookkeeping that make a request.
    public static let columnNames = ["paused_at", "paused_by", "batch_target_ms"]

    /// Reads the line.
    public init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        pausedAt = try columns.next()
        pausedBy = try columns.next()
        batchTargetMS = try columns.next()
    }
}
