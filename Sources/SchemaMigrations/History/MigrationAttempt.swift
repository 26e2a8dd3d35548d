public import Postgres

/// One attempt of one step, as the bookkeeping remembers it, whatever came of it.
public struct MigrationAttempt: Sendable, Hashable {
    /// What came of an attempt.
    public enum Outcome: String, Sendable, Hashable, Codable, CaseIterable {
        /// It is under way, or its runner died and no other has begun since.
        case running
        /// The step was applied.
        case applied
        /// It failed; the error says why.
        case failed
        /// Somebody stopped the runner.
        case interrupted
        /// Its runner died without a word; the next one found that out.
        case abandoned
    }

    /// Which run it belongs to: the runner's fencing token, larger for later runs.
    public let run: Int64
    /// The migration's version.
    public let version: MigrationVersion
    /// The migration's name at the time.
    public let migrationName: String
    /// The step's place in its migration, counted from 1; 0 for a baseline or a repair, which is no step.
    public let stepOrdinal: Int
    /// The step's name at the time.
    public let stepName: String
    /// How the step ran.
    public let kind: StepKind.Label
    /// Who ran it: process and host.
    public let runner: String
    /// The database role that had logged in.
    public let role: String
    /// When it began, by the server's clock.
    public let startedAt: MigrationTime
    /// When it ended; nil while it runs, and when it was abandoned.
    public let finishedAt: MigrationTime?
    /// How long it took, in milliseconds.
    public let durationMS: Int64?
    /// How often it asked for its locks, or began a batch anew.
    public let tries: Int?
    /// How long it kept writers waiting while it held its locks, in milliseconds; nil when it held none that do.
    public let lockHeldMS: Double?
    /// How long others were seen waiting for its locks, added up over all of them, in milliseconds.
    public let othersBlockedMS: Double?
    /// How many rows it changed, where that is known.
    public let rows: Int64?
    /// What came of it.
    public let outcome: Outcome
    /// The kind of the error that ended it, as in ``MigrationError/Code``.
    public let errorCode: String?
    /// The SQLSTATE of that error, where the server sent one.
    public let sqlState: String?
    /// The error's message.
    public let error: String?
    /// What happened meanwhile: pauses, and how far a backfill was when.
    ///
    /// Nothing where the runner was killed: it is stored when the attempt ends.
    public internal(set) var trace = AttemptTrace()
}

extension MigrationAttempt: PostgresRecord {
    /// The columns of the bookkeeping that make an attempt.
    public static let columnNames = [
        "token", "version", "migration_name", "step", "step_name", "kind", "runner", "role", "started_at",
        "finished_at", "duration_ms", "tries", "lock_held_ms", "others_blocked_ms", "rows", "outcome", "error_code",
        "sqlstate", "error", "trace",
    ]

    /// Reads one line of the attempt log.
    public init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        run = try columns.next()
        let number = try columns.next(as: Int64.self)
        guard let version = MigrationVersion(number) else {
            throw PostgresError(.decodingFailed, "the attempt log holds the version \(number); versions begin at 1")
        }
        self.version = version
        migrationName = try columns.next()
        stepOrdinal = Int(try columns.next(as: Int32.self))
        stepName = try columns.next()
        kind = try columns.next()
        runner = try columns.next()
        role = try columns.next()
        startedAt = try columns.next()
        finishedAt = try columns.next()
        durationMS = try columns.next()
        tries = try columns.next(as: Int32?.self).map(Int.init)
        lockHeldMS = try columns.next()
        othersBlockedMS = try columns.next()
        rows = try columns.next()
        outcome = try columns.next()
        errorCode = try columns.next()
        sqlState = try columns.next()
        error = try columns.next()
        trace = try columns.next(as: PostgresJSON<AttemptTrace>?.self)?.value ?? AttemptTrace()
    }
}

extension MigrationAttempt.Outcome: PostgresEnum {}
