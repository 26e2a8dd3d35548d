import Postgres

/// Applies one backfill: many small committed batches over the pages of a table.
///
/// Cursor and counts commit with their batch, so a kill at any point loses nothing and repeats at most the batch that
/// had not committed. A pass covers the pages that the table had when the pass began. Rows that move meanwhile are
/// their writers' to complete (a trigger); when any are left the table is walked again.
struct BackfillRunner: Sendable {
    let step: PlannedStep
    let statement: BackfillStatement
    let store: HistoryStore
    let attempt: AttemptKey
    let options: MigratorOptions
    let report: @Sendable (MigrationEvent) -> Void

    /// How often the table is walked before the runner says that rows keep coming.
    private static let maximumPasses: Int32 = 10

    func run(on connection: PostgresConnection) async throws -> StepTiming {
        let startedAt = PostgresTimestamp.now
        let clock = ContinuousClock.now
        var cursor = try await begin(connection)
        var pace = BatchPace(target: options.batchTarget, maximum: options.batchPages)
        var meter = ProgressMeter(rowsBefore: cursor.rows)
        while true {
            while cursor.nextPage < cursor.endPage {
                try Task.checkCancellation()
                let request: RunRequest
                (cursor, request) = try await batch(from: cursor, pace: &pace, connection)
                pace.target = request.batchTarget ?? options.batchTarget
                if let progress = meter.take(cursor) { report(.stepProgress(step.identity, progress)) }
                if cursor.nextPage < cursor.endPage { try request.refusePause() }
            }
            guard try await anyLeft(connection) else { break }
            cursor = try await nextPass(after: cursor, connection)
        }
        let milliseconds = Int64((ContinuousClock.now - clock).milliseconds)
        let timing = StepTiming(startedAt: startedAt, durationMilliseconds: milliseconds, rows: cursor.rows)
        try await finish(connection, timing)
        return timing
    }

    private func begin(_ connection: PostgresConnection) async throws -> BackfillCursor {
        try await connection.withTransaction { connection in
            try await store.prove(attempt.token, activity: step.label, connection)
            let table = try await BackfillTable.look(up: statement.relation, store, connection)
            let isRestart = if case .restartBackfill = step.beginning { true } else { false }
            if isRestart { try await store.removeCursor(of: step, connection) }
            let timing = StepTiming(startedAt: .now, durationMilliseconds: 0)
            _ = try await store.record(step, outcome: .intent, timing: timing, attempt, connection)
            if let known = try await store.cursor(of: step, connection) {
                guard known.relation == table.relation, known.storage == table.storage else {
                    // The table was rewritten: page numbers mean other rows now.
                    return try await store.save(known.restarted(on: table), of: step, connection)
                }
                return known
            }
            return try await store.save(BackfillCursor(start: table), of: step, connection)
        }
    }

    /// Runs one batch in its own transaction, in smaller ones when rows in it stay locked.
    private func batch(
        from cursor: BackfillCursor,
        pace: inout BatchPace,
        _ connection: PostgresConnection
    ) async throws -> (BackfillCursor, RunRequest) {
        var retries = BatchRetries(within: max(options.stallBudget, .seconds(60)))
        while true {
            let end = min(cursor.endPage, cursor.nextPage + pace.pages)
            do {
                let (next, duration, request) = try await commitBatch(cursor, upTo: end, connection)
                pace.book(duration)
                return (next, request)
            } catch let error as PostgresError where error.mayBeRetriedByStep {
                pace.shrink()
                let pause = try retries.pause(after: error, step: step)
                report(.stepRetried(step.identity, attempt: retries.attempts, pause: pause, reason: "\(error)"))
                try await Task.sleep(for: pause)
            }
        }
    }

    /// Returns how long the UPDATE took too: the rest does not depend on the number of pages.
    private func commitBatch(
        _ cursor: BackfillCursor,
        upTo end: Int64,
        _ connection: PostgresConnection
    ) async throws -> (BackfillCursor, Duration, RunRequest) {
        try await connection.withTransaction { connection in
            try await connection.execute(
                script: "SET LOCAL lock_timeout = \(options.lockTimeout.wholeMilliseconds); "
                    + "SET LOCAL jit = off; SET LOCAL idle_in_transaction_session_timeout = 0"
            )
            let percent = cursor.endPage > 0 ? 100 * cursor.nextPage / cursor.endPage : 100
            let activity = "\(step.label), \(percent) %"
            let request = try await store.prove(attempt.token, activity: activity, connection).request
            let sql = statement.batch(pages: UInt32(clamping: cursor.nextPage)..<UInt32(clamping: end))
            let tags: [CommandTag]
            let clock = ContinuousClock.now
            do throws(PostgresError) {
                tags = try await connection.execute(script: sql)
            } catch {
                guard error.code == .server, !error.mayBeRetriedByStep else { throw error }
                throw MigrationError(
                    sqlFailure: error,
                    in: step,
                    position: error.server?.position.map { statement.filePosition(ofServerPosition: $0) },
                    consequence: "this batch was rolled back; \(cursor.rows) rows of earlier batches stay changed"
                )
            }
            let duration = ContinuousClock.now - clock
            let next = cursor.advanced(to: end, rows: Int64(tags.last?.rowCount ?? 0))
            return (try await store.save(next, of: step, connection), duration, request)
        }
    }

    private func anyLeft(_ connection: PostgresConnection) async throws -> Bool {
        guard let count = statement.remainingCount else { return false }
        return try await connection.query(store.once(PostgresQuery(unsafeSQL: count))).one().decode(Int64.self) > 0
    }

    private func nextPass(
        after cursor: BackfillCursor,
        _ connection: PostgresConnection
    ) async throws -> BackfillCursor {
        guard cursor.pass < Self.maximumPasses else {
            throw MigrationError(
                .backfillNeverEnds,
                "\(step.label) walked \(statement.relation) \(cursor.pass) times and rows that need it keep appearing",
                hint: "install a trigger that completes new writes in a step before the backfill, then run again",
                exitCode: .needsHuman
            )
        }
        return try await connection.withTransaction { connection in
            try await store.prove(attempt.token, activity: "\(step.label), next pass", connection)
            let table = try await BackfillTable.look(up: statement.relation, store, connection)
            return try await store.save(cursor.restarted(on: table), of: step, connection)
        }
    }

    private func finish(_ connection: PostgresConnection, _ timing: StepTiming) async throws {
        var transaction: UInt64?
        do {
            try await connection.withTransaction { connection in
                try await store.prove(attempt.token, activity: step.label, connection)
                transaction = try await store.record(step, outcome: .applied, timing: timing, attempt, connection)
                try await store.removeCursor(of: step, connection)
            }
        } catch let error as PostgresError where error.code == .commitOutcomeUnknown {
            throw LostCommit(transaction: transaction, timing: timing, error: error)
        }
    }
}

/// How many pages the next batch takes: sized by time, so that it suits small and large rows alike.
struct BatchPace {
    var target: Duration
    let maximum: Int64
    private(set) var pages: Int64 = 64

    /// Where the server is busy, a statement takes long however few pages it has: smaller batches would only be more.
    private static let leastByTime: Int64 = 16

    init(target: Duration, maximum: Int64) {
        self.target = target
        self.maximum = max(1, maximum)
        pages = min(pages, self.maximum)
    }

    /// Grows by at most a half, and shrinks to what would have met the target.
    mutating func book(_ duration: Duration) {
        let ratio = target / max(duration, .microseconds(100))
        let wanted = Int64((Double(pages) * min(1.5, max(0.1, ratio))).rounded(.up))
        pages = min(maximum, max(ratio < 1 ? min(pages, Self.leastByTime) : 1, wanted))
    }

    /// After a conflict: fewer rows meet fewer others.
    mutating func shrink() {
        pages = max(1, pages / 4)
    }
}

/// When to speak of progress, and how fast it goes.
struct ProgressMeter {
    private let start = ContinuousClock.now
    private let rowsBefore: Int64
    private var lastReport: ContinuousClock.Instant?

    init(rowsBefore: Int64) {
        self.rowsBefore = rowsBefore
    }

    /// The progress, at most five times a second and always at the end of a pass.
    mutating func take(_ cursor: BackfillCursor) -> BackfillProgress? {
        let now = ContinuousClock.now
        if let lastReport, now - lastReport < .milliseconds(200), cursor.nextPage < cursor.endPage { return nil }
        lastReport = now
        let seconds = (now - start) / .seconds(1)
        return BackfillProgress(
            pagesDone: cursor.nextPage,
            pagesTotal: cursor.endPage,
            rows: cursor.rows,
            batches: cursor.batches,
            rowsPerSecond: seconds > 0 ? Double(cursor.rows - rowsBefore) / seconds : 0
        )
    }
}
