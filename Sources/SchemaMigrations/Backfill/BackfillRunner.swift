import Postgres

/// Applies one backfill: many small committed batches over the pages of a table, or of each of its partitions.
///
/// What has no such pages is walked by its key, see ``BackfillTable``. Cursor and counts commit with their batch, so a
/// kill at any point loses nothing and repeats at most the batch that had not committed. Pages of which many rows change
/// are walked once for each ``RowShare``. A pass covers the pages that the table had when the pass began. A batch does not
/// wait for rows that others have locked: it passes over them, and the pass comes back to their pages at its end. Rows
/// that move meanwhile are their writers' to complete (a trigger); when any are left the table is walked again.
struct BackfillRunner: Sendable {
    let step: PlannedStep
    let statement: BackfillStatement
    let store: HistoryStore
    let attempt: AttemptKey
    let options: MigratorOptions
    let observer: LockObserver
    let session: StepSession
    let report: @Sendable (MigrationEvent) -> Void

    /// How often the table is walked before the runner says that rows keep coming.
    static let maximumPasses: Int32 = 10

    func run(on connection: PostgresConnection) async throws -> StepTiming {
        let watch = WaiterWatch()
        let watching = Task { [observer] in await watch.run(observer, every: .milliseconds(100)) }
        defer { watching.cancel() }
        let clock = ContinuousClock.now
        let batches = BatchRunner(
            step: step,
            statement: statement,
            store: store,
            attempt: attempt,
            options: options,
            watch: watch,
            session: session
        )
        var state = try await begin(connection)
        try await state.throttle.check(connection)
        try await walk(&state, batches, connection)
        let timing = StepTiming(
            durationMilliseconds: Int64((ContinuousClock.now - clock).milliseconds),
            rows: state.cursor.rows,
            othersBlockedMilliseconds: watch.othersBlocked.milliseconds
        )
        try await finish(connection, timing)
        return timing
    }

    /// Until nothing is left: pages, further partitions, pages with locked rows, rows that have appeared.
    private func walk(
        _ state: inout BackfillState,
        _ batches: BatchRunner,
        _ connection: PostgresConnection
    ) async throws {
        while true {
            if let batch = state.nextBatch {
                try await turn(batch, &state, batches, connection)
            } else if !state.moveToNextTable() {
                guard let remaining = try await remaining(connection), remaining > 0 else { return }
                try await nextPass(&state, remaining, connection)
            }
        }
    }

    /// One batch, and what is to be seen to behind it.
    private func turn(
        _ batch: BackfillBatch,
        _ state: inout BackfillState,
        _ batches: BatchRunner,
        _ connection: PostgresConnection
    ) async throws {
        try Task.checkCancellation()
        switch try await insist(on: batch, &state, batches, connection) {
        case .rewritten:
            state.tables = try await BackfillTable.look(up: statement, store, connection)
            try await restart(&state, "the table was rewritten", connection)
        case .committed(let done, let cursor, let took, let request):
            let changed = cursor.rows - state.cursor.rows
            state.cursor = cursor
            if let longest = state.round.book(done, rows: changed, took: took) { state.pace.book(longest) }
            state.pace.target = request.batchTarget ?? options.batchTarget
            if let progress = state.meter.take(cursor, on: state.tables) {
                report(.stepProgress(step.identity, progress))
            }
            guard state.nextBatch != nil else { return }
            try request.refusePause()
            try await holdBack(&state, batches, took, connection)
        }
    }

    /// Runs a batch: at once, then passing over locked rows; a smaller one after a pause where that fails too.
    private func insist(
        on batch: BackfillBatch,
        _ state: inout BackfillState,
        _ batches: BatchRunner,
        _ connection: PostgresConnection
    ) async throws -> BatchRunner.Outcome {
        var retries = BatchRetries(within: max(options.stallBudget, .seconds(60)))
        var batch = batch
        while true {
            do {
                return try await batches.commit(batch, after: state.cursor, connection)
            } catch let error as PostgresError where error.mayBeRetriedByStep {
                if batch.manner == .atOnce {
                    batch = batch.inManner(.skippingLocked)
                    continue
                }
                state.pace.shrink()
                let pause = try retries.pause(after: error, step: step)
                report(.stepRetried(step.identity, attempt: retries.attempts, pause: pause, reason: "\(error)"))
                try await Task.sleep(for: pause)
                batch = state.nextBatch ?? batch
            }
        }
    }

    /// Waits while others suffer, saying why; people may pause the run meanwhile.
    private func holdBack(
        _ state: inout BackfillState,
        _ batches: BatchRunner,
        _ took: Duration,
        _ connection: PostgresConnection
    ) async throws {
        let waiters = batches.watch.takeWaiters()
        if waiters > 0 {
            state.pace.shrink()
            report(.stepThrottled(step.identity, reason: "\(waiters) sessions waited for rows of a batch"))
            try await Task.sleep(for: min(.seconds(1), max(.milliseconds(50), took * waiters)))
        }
        var said: String?
        while let reason = try await state.throttle.reason(connection) {
            if reason != said { report(.stepThrottled(step.identity, reason: reason)) }
            said = reason
            try await Task.sleep(for: BackfillThrottle.interval)
            // Whoever waits for this runner must see that it lives.
            let activity = "\(batches.activity(state.cursor)), held back: \(reason)"
            try await store.prove(attempt.token, activity: activity, connection)
            try await store.request(connection).refusePause()
        }
    }
}

/// Where a running backfill is, and how fast.
struct BackfillState {
    var cursor: BackfillCursor
    var tables: [BackfillTable]
    var pace: BatchPace
    var round = BackfillRound()
    var meter: ProgressMeter
    var throttle: BackfillThrottle

    /// The next batch of the present table, or behind the last table, of what was skipped; nil when there is none.
    var nextBatch: BackfillBatch? {
        let pages = min(pace.pages, round.pages ?? pace.pages)
        if let span = cursor.span(pages: pages) {
            // A walk by key meets rows wherever they lie.
            return batch(cursor.relation, span, .atOnce, cursor.key.isEmpty ? round.share : .all)
        }
        guard nextTable == nil, let first = cursor.skipped.ranges.first else { return nil }
        guard case .pages(let start, let end) = first.span else {
            return batch(first.relation, first.span, .comingBack)
        }
        return batch(first.relation, .pages(from: start, to: min(end, start + pace.pages)), .comingBack)
    }

    /// Goes on to the next partition; false when there is none.
    mutating func moveToNextTable() -> Bool {
        guard let next = nextTable else { return false }
        cursor = cursor.moved(to: next)
        return true
    }

    private var nextTable: BackfillTable? { tables.first { $0.relation > cursor.relation } }

    private func batch(
        _ relation: UInt32,
        _ span: BackfillSpan,
        _ manner: BackfillBatch.Manner,
        _ share: RowShare = .all
    ) -> BackfillBatch? {
        guard let table = tables.first(where: { $0.relation == relation }) else { return nil }
        return BackfillBatch(table: table, span: span, limit: pace.rows, manner: manner, share: share)
    }
}
