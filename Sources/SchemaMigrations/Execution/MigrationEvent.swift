/// Something that happened while migrations were applied, for progress displays and logs.
public enum MigrationEvent: Sendable {
    /// Another runner holds the lock; said again every few seconds.
    case lockWaiting(holder: RunnerActivity?, waited: Duration)
    /// This runner holds the lock.
    case lockAcquired(waited: Duration)
    /// A step begins.
    case stepStarted(StepIdentity)
    /// A backfill is at work.
    case stepProgress(StepIdentity, BackfillProgress)
    /// A statement outside a transaction is at work in the server; told when something has changed.
    case stepServerProgress(StepIdentity, ServerProgress)
    /// A step's file has left settings behind in its session, by name; they were reset.
    case stepLeftSettings(StepIdentity, names: [String])
    /// A backfill holds back for others.
    case stepThrottled(StepIdentity, reason: String)
    /// A step had to give way and will try again.
    case stepRetried(StepIdentity, attempt: Int, pause: Duration, reason: String)
    /// A step is applied and recorded.
    ///
    /// `lockHeld` is how long it held locks, or queued for them, that keep writers waiting; `othersBlocked` how long
    /// others were seen waiting for it, added up over all of them. Both are nil when it asked for no such lock.
    case stepFinished(
        StepIdentity,
        duration: Duration,
        rows: Int64?,
        lockHeld: Duration?,
        othersBlocked: Duration?
    )
    /// A step failed; nothing of it stays, unless the error says so.
    case stepFailed(StepIdentity, MigrationError)
}

extension MigrationEvent {
    static func finished(_ step: PlannedStep, _ timing: StepTiming) -> MigrationEvent {
        .stepFinished(
            step.identity,
            duration: .milliseconds(timing.durationMilliseconds),
            rows: timing.rows,
            lockHeld: timing.lockHeldMilliseconds.map { .milliseconds($0) },
            othersBlocked: timing.othersBlockedMilliseconds.map { .milliseconds($0) }
        )
    }
}

/// Which step an event is about.
public struct StepIdentity: Sendable, Hashable {
    /// The migration's version.
    public let version: MigrationVersion
    /// The migration's name.
    public let migration: String
    /// The step's name.
    public let step: String
    /// The step's place, from 1.
    public let ordinal: Int
    /// How many steps the migration has.
    public let count: Int
    /// How it runs.
    public let kind: StepKind.Label
}

/// How far the server is with a long statement, as its `pg_stat_progress_…` views say.
public struct ServerProgress: Sendable, Hashable {
    /// What it does, in the server's words: `building index: scanning table`.
    public let phase: String
    /// How much of the phase is done, in blocks, rows or sessions to wait for.
    public let done: Int64
    /// How much there is; 0 where that is not known.
    public let total: Int64
    /// Whom it waits for; nil when it waits for nobody.
    public let waitingFor: String?
}

/// How far a backfill is.
public struct BackfillProgress: Sendable, Hashable {
    /// Pages of the table that are done in this pass.
    public let pagesDone: Int64
    /// Pages of the table at the beginning of the pass.
    public let pagesTotal: Int64
    /// Rows changed so far, in all runs.
    public let rows: Int64
    /// Batches committed so far, in all runs.
    public let batches: Int64
    /// Rows changed per second in this run.
    public let rowsPerSecond: Double

    /// From 0 to 1.
    public var fraction: Double {
        pagesTotal > 0 ? min(1, Double(pagesDone) / Double(pagesTotal)) : 1
    }
}
