import Postgres
import SchemaMigrations

/// One line of `up --format json`; what an event does not have is left out.
struct EventLine: Encodable, Equatable {
    let event: String
    let time: String
    var version: Int64?
    var migration: String?
    var step: String?
    var ordinal: Int?
    var steps: Int?
    var kind: StepKind.Label?
    var holder: String?
    var holderPID: Int32?
    var activity: String?
    var waitedMS: Int64?
    var pagesDone: Int64?
    var pagesTotal: Int64?
    var rows: Int64?
    var batches: Int64?
    var rowsPerSecond: Double?
    var attempt: Int?
    var pauseMS: Int64?
    var reason: String?
    var settings: [String]?
    var phase: String?
    var done: Int64?
    var total: Int64?
    var waitingFor: String?
    var durationMS: Int64?
    var lockHeldMS: Double?
    var othersBlockedMS: Double?
    var error: ErrorReport?

    private init(_ event: String, _ time: MigrationTime, _ identity: StepIdentity? = nil) {
        self.event = event
        self.time = time.description
        version = identity?.version.number
        migration = identity?.migration
        step = identity?.step
        ordinal = identity?.ordinal
        steps = identity?.count
        kind = identity?.kind
    }

    init(_ event: MigrationEvent, at time: MigrationTime) {
        switch event {
        case .lockWaiting(let other, let waited):
            self.init("lock_waiting", time)
            holder = other?.holder
            holderPID = other?.processID
            activity = other?.activity
            waitedMS = waited.wholeMilliseconds
        case .lockAcquired(let waited):
            self.init("lock_acquired", time)
            waitedMS = waited.wholeMilliseconds
        case .stepStarted(let identity):
            self.init("step_started", time, identity)
        case .stepProgress(let identity, let progress):
            self.init("step_progress", time, identity)
            take(progress)
        case .stepServerProgress(let identity, let progress):
            self.init("step_server_progress", time, identity)
            phase = progress.phase
            done = progress.done
            total = progress.total
            waitingFor = progress.waitingFor
        case .stepLeftSettings(let identity, let names):
            self.init("step_left_settings", time, identity)
            settings = names
        case .stepThrottled(let identity, let reason):
            self.init("step_throttled", time, identity)
            self.reason = reason
        case .stepRetried(let identity, let attempt, let pause, let reason):
            self.init("step_retried", time, identity)
            self.attempt = attempt
            self.reason = reason
            pauseMS = pause.wholeMilliseconds
        case .stepFinished(let identity, let duration, let rows, let lockHeld, let blocked):
            self.init("step_finished", time, identity)
            self.rows = rows
            durationMS = duration.wholeMilliseconds
            lockHeldMS = lockHeld?.exactMilliseconds
            othersBlockedMS = blocked?.exactMilliseconds
        case .stepFailed(let identity, let error):
            self.init("step_failed", time, identity)
            self.error = ErrorReport(error)
        }
    }

    private mutating func take(_ progress: BackfillProgress) {
        pagesDone = progress.pagesDone
        pagesTotal = progress.pagesTotal
        rows = progress.rows
        batches = progress.batches
        rowsPerSecond = (progress.rowsPerSecond * 10).rounded() / 10
    }
}

/// An error as JSON has it.
struct ErrorReport: Encodable, Equatable {
    let code: String
    let message: String
    let file: String?
    let line: Int?
    let column: Int?
    let sqlstate: String?
    let hint: String?

    init(_ error: MigrationError) {
        code = error.code.rawValue
        message = error.message
        file = error.location?.file
        line = error.location?.line
        column = error.location?.column
        sqlstate = (error.underlying as? PostgresError)?.sqlState?.rawValue
        hint = error.hint
    }
}

/// The last line of `up --format json`.
struct FinishedLine: Encodable, Equatable {
    let event = "finished"
    let time: String
    let outcome: RunSummary.Outcome
    let applied: Int
    let steps: Int
    let durationMS: Int64
    @OrNull var longestLockHeldMS: Double?
    @OrNull var othersBlockedMS: Double?
    let heldBack: [Int64]
    let exitCode: Int32
    let error: ErrorReport?

    init(_ summary: RunSummary, at time: MigrationTime) {
        self.time = time.description
        outcome = summary.outcome
        applied = summary.tally.migrations
        steps = summary.tally.steps
        durationMS = summary.duration.wholeMilliseconds
        _longestLockHeldMS = OrNull(wrappedValue: summary.tally.longestLockHeld?.exactMilliseconds)
        _othersBlockedMS = OrNull(wrappedValue: summary.tally.othersBlocked?.exactMilliseconds)
        heldBack = summary.heldBack.map(\.version.number)
        exitCode = summary.exitCode.rawValue
        error = summary.error.map(ErrorReport.init)
    }

    private enum CodingKeys: String, CodingKey {
        case event
        case time
        case outcome
        case applied
        case steps
        case durationMS
        case longestLockHeldMS
        case othersBlockedMS
        case heldBack
        case exitCode
        case error
    }
}
