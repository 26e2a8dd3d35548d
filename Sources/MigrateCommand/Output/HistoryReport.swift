import SchemaMigrations

/// What `history` reports, in the shape of its JSON.
struct HistoryReport: Encodable, Sendable, Equatable {
    let database: String
    let readAt: String
    let attempts: [Attempt]
    let backfills: [Backfill]
    let stepsWithoutAttempt: Int

    struct Attempt: Encodable, Sendable, Equatable {
        let run: Int64
        let version: Int64
        let migration: String
        let step: String
        let ordinal: Int
        let kind: StepKind.Label
        let outcome: MigrationAttempt.Outcome
        let startedAt: String
        @OrNull var finishedAt: String?
        @OrNull var durationMS: Int64?
        @OrNull var tries: Int?
        @OrNull var lockHeldMS: Double?
        @OrNull var othersBlockedMS: Double?
        @OrNull var rows: Int64?
        let runner: String
        let role: String
        @OrNull var errorCode: String?
        @OrNull var sqlstate: String?
        @OrNull var error: String?
        /// When the step held back, in milliseconds since it began, and why.
        let pauses: [AttemptTrace.Pause]
        /// How far a backfill was at some moments.
        let progress: [AttemptTrace.Point]
    }

    struct Backfill: Encodable, Sendable, Equatable {
        let version: Int64
        let ordinal: Int
        let pass: Int
        let pagesDone: Int64
        let pagesTotal: Int64
        let rows: Int64
        let batches: Int64
    }

    init(_ log: MigrationLog, _ runs: [MigrationLog.Run]) {
        database = log.database
        readAt = log.readAt.description
        attempts = runs.flatMap(\.attempts).map(Attempt.init)
        backfills = log.backfills.map(Backfill.init)
        stepsWithoutAttempt = log.stepsWithoutAttempt
    }
}

extension HistoryReport.Attempt {
    fileprivate init(_ attempt: MigrationAttempt) {
        self.init(
            run: attempt.run,
            version: attempt.version.number,
            migration: attempt.migrationName,
            step: attempt.stepName,
            ordinal: attempt.stepOrdinal,
            kind: attempt.kind,
            outcome: attempt.outcome,
            startedAt: attempt.startedAt.description,
            finishedAt: attempt.finishedAt?.description,
            durationMS: attempt.durationMS,
            tries: attempt.tries,
            lockHeldMS: attempt.lockHeldMS,
            othersBlockedMS: attempt.othersBlockedMS,
            rows: attempt.rows,
            runner: attempt.runner,
            role: attempt.role,
            errorCode: attempt.errorCode,
            sqlstate: attempt.sqlState,
            error: attempt.error,
            pauses: attempt.trace.pauses,
            progress: attempt.trace.points
        )
    }
}

extension HistoryReport.Backfill {
    fileprivate init(_ backfill: MigrationLog.Backfill) {
        self.init(
            version: backfill.version.number,
            ordinal: backfill.stepOrdinal,
            pass: backfill.pass,
            pagesDone: backfill.pagesDone,
            pagesTotal: backfill.pagesTotal,
            rows: backfill.rows,
            batches: backfill.batches
        )
    }
}
