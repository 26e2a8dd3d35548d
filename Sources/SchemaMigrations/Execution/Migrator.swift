public import Postgres

/// Brings a database to the version of its migrations.
///
/// Running it again is always right: what is applied is skipped, what was cut short goes on, and two runners at once
/// apply each step once.
///
/// ```swift
/// let migrator = Migrator(
///     source: try MigrationSource.load(from: "migrations"),
///     database: try PostgresConfiguration(url)
/// )
/// let result = try await migrator.up { event in print(event) }
/// ```
public struct Migrator: Sendable {
    /// The migrations as files.
    public let source: MigrationSource
    /// How the runner treats others.
    public let options: MigratorOptions
    let configuration: PostgresConfiguration
    let store: HistoryStore

    /// Creates a migrator; nothing is connected yet.
    public init(
        source: MigrationSource,
        database: PostgresConfiguration,
        options: MigratorOptions = MigratorOptions()
    ) {
        self.source = source
        self.options = options
        configuration = Self.configuration(for: database)
        store = HistoryStore(schema: options.schema)
    }

    /// Session settings would leak to others through a pooler; each step sets its own for its transaction.
    static func configuration(for database: PostgresConfiguration) -> PostgresConfiguration {
        var configuration = database
        configuration.settings = [:]
        return configuration
    }

    /// Reads what was applied, in a read-only transaction and without a lock; a reader or a standby can be asked.
    ///
    /// - Throws: ``MigrationError``, `PostgresError`.
    public func history() async throws -> MigrationHistory {
        try await PostgresConnection.withConnection(to: configuration) { connection in
            try await store.readAlone(connection)
        }
    }

    /// Every attempt of every step that a runner has made here, the oldest first, in a read-only transaction.
    ///
    /// ```swift
    /// for attempt in try await migrator.attempts() where attempt.outcome == .failed {
    ///     print(attempt.startedAt, attempt.stepName, attempt.error ?? "")
    /// }
    /// ```
    /// - Throws: ``MigrationError``, `PostgresError`. No bookkeeping is not an error: nobody has tried.
    public func attempts() async throws -> [MigrationAttempt] {
        try await PostgresConnection.withConnection(to: configuration) { connection in
            try await connection.withTransaction(.readOnly) { try await store.attempts($0) }
        }
    }

    /// What is applied, pending, changed or missing.
    ///
    /// - Throws: ``MigrationError``, `PostgresError`. Findings are part of the status, not errors.
    public func status() async throws -> MigrationStatus {
        MigrationStatus(source: source, history: try await history(), allowsOutOfOrder: options.allowsOutOfOrder)
    }

    /// What ``up(to:phase:report:)`` would do now.
    ///
    /// - Throws: ``MigrationError`` for an impossible target, `PostgresError`. Findings are part of the plan.
    public func plan(
        to target: MigrationTarget = .latest,
        phase: PhaseSelection = .expand
    ) async throws -> MigrationPlan {
        try MigrationPlan.make(
            source: source,
            history: try await history(),
            target: target,
            phase: phase,
            allowsOutOfOrder: options.allowsOutOfOrder
        )
    }

    /// Applies what is pending.
    ///
    /// With nothing to do it opens one connection and takes no lock. A contract migration is held back on a database
    /// with history unless `phase` or `target` asks for it.
    ///
    /// - Parameters:
    ///   - target: How far; by default everything.
    ///   - phase: Whether contract migrations are included.
    ///   - report: Is told what happens, from several threads, and should return quickly.
    /// - Returns: What was applied and what was held back. Nothing to do is a result, not an error.
    /// - Throws: ``MigrationError`` with its exit code; what was applied before stays applied and recorded.
    public func up(
        to target: MigrationTarget = .latest,
        phase: PhaseSelection = .expand,
        report: @escaping @Sendable (MigrationEvent) -> Void = { _ in }
    ) async throws -> MigrationResult {
        try await up(to: target, phase: phase, after: EarlyHistory(configuration, store), report: report)
    }

    /// The same, on a connection that was begun earlier.
    package func up(
        to target: MigrationTarget,
        phase: PhaseSelection,
        after early: EarlyHistory,
        report: @escaping @Sendable (MigrationEvent) -> Void
    ) async throws -> MigrationResult {
        do {
            let (connection, history) = try await early.take()
            let work = WorkConnection(connection)
            do {
                let result = try await run(on: work, after: history, target, phase, report)
                await work.connection.close()
                return result
            } catch {
                await work.connection.close()
                throw error
            }
        } catch {
            throw MigrationError.describing(error)
        }
    }

    private func run(
        on work: WorkConnection,
        after history: MigrationHistory,
        _ target: MigrationTarget,
        _ phase: PhaseSelection,
        _ report: @escaping @Sendable (MigrationEvent) -> Void
    ) async throws -> MigrationResult {
        let first = try await decide(history, work.connection, target, phase)
        // A run that was killed behind its last step has still to be declared finished.
        guard !first.pending.isEmpty || history.isInitialRunUnfinished else { return MigrationResult(plan: first) }
        // Before anything changes, every pending file is looked at.
        for step in first.pending { _ = try step.step.inspect() }
        try await options.approval?(first.pending.map(\.step.file.path))
        let expected = try await StepSession.begin(options.role, work.connection)
        if expected.isPooled {
            let obstacles = first.pending.compactMap { $0.step.obstacleBehindPooler(options.role) }
            if let error = MigrationError.combining(obstacles) { throw error }
        }
        try await requirePrivileges(for: first.pending, work.connection)
        let lock = try await MigrationLock.acquire(
            configuration,
            store: store,
            patience: options.lockWait,
            report: report
        )
        do {
            try await store.create(work.connection)
            let token = try await takeToken(work.connection)
            let session = try await StepSession.begin(options.role, work.connection)
            // Another runner may have done some of it while this one waited.
            let now = try await store.readAlone(work.connection)
            let plan = try await decide(now, work.connection, target, phase)
            try await options.approval?(plan.pending.map(\.step.file.path))
            let result = try await withObserver { try await apply(plan, on: work, lock, $0, session, token, report) }
            await lock.release()
            return result
        } catch {
            await lock.release()
            throw error
        }
    }

    /// Plans, refusing to go on where files and history disagree.
    private func decide(
        _ history: MigrationHistory,
        _ connection: PostgresConnection,
        _ target: MigrationTarget,
        _ phase: PhaseSelection
    ) async throws -> MigrationPlan {
        let plan = try plan(against: history, target, phase)
        try await checkExpectedPlan(plan, history, connection)
        return plan
    }

    /// - Throws: ``MigrationError`` where files and history disagree, and for an impossible target.
    func plan(
        against history: MigrationHistory,
        _ target: MigrationTarget,
        _ phase: PhaseSelection
    ) throws -> MigrationPlan {
        let plan = try MigrationPlan.make(
            source: source,
            history: history,
            target: target,
            phase: phase,
            allowsOutOfOrder: options.allowsOutOfOrder
        )
        if let error = plan.blockingError { throw error }
        return plan
    }

    /// Waits for a runner that lost its lock and is still in a transaction: its line is locked until that ends.
    func takeToken(_ connection: PostgresConnection) async throws -> FencingToken {
        var transaction = TransactionOptions()
        // Zero would mean to wait without end.
        transaction.settings["lock_timeout"] = "\(max(1, options.lockWait.wholeMilliseconds))"
        do {
            return try await connection.withTransaction(transaction) { connection in
                try await store.takeToken(connection, holder: options.holder)
            }
        } catch let error as PostgresError where error.sqlState == .lockNotAvailable {
            throw MigrationError(
                .lockHeld,
                "an earlier runner lost its lock but its last transaction is still open",
                hint:
                    "it ends by itself when the server notices that the runner is gone; run \"migrate up\" again then",
                exitCode: .lockHeld,
                underlying: error
            )
        }
    }

    private func apply(
        _ plan: MigrationPlan,
        on work: WorkConnection,
        _ lock: MigrationLock,
        _ observer: LockObserver,
        _ session: StepSession,
        _ token: FencingToken,
        _ report: @escaping @Sendable (MigrationEvent) -> Void
    ) async throws -> MigrationResult {
        var result = MigrationResult(plan: plan)
        var fingerprints = FingerprintRecorder(
            store: store,
            token: token,
            plan: plan,
            share: options.fingerprintShare
        )
        try await store.closeAbandonedAttempts(before: token, work.connection)
        for (index, step) in plan.pending.enumerated() {
            try Task.checkCancellation()
            guard await lock.isHeld() else { throw MigrationError.lockLost(before: step) }
            try await clearTheWay(for: step, lock, work.connection)
            let attempt = AttemptKey(token: token, number: Int32(clamping: index + 1))
            let beginning = AttemptBeginning(of: step, attempt, store: store, runner: options.holder, report: report)
            let traced: @Sendable (MigrationEvent) -> Void = { event in
                attempt.trace.take(event)
                report(event)
            }
            do {
                let timing = try await applyOne(step, on: work, attempt, beginning, observer, session, traced)
                result.book(step, timing)
                report(.finished(step, timing))
            } catch {
                let described = MigrationError.describing(error, step: step)
                guard beginning.hasBegun else { throw described }
                report(.stepFailed(step.identity, described))
                await book(described, of: attempt, work.connection)
                throw described
            }
            if fingerprints.isDue(after: step) {
                try await work.connection.execute(script: HistoryStore.resetSession)
                try await fingerprints.record(after: step, work.connection)
            }
        }
        try await work.connection.execute(script: HistoryStore.resetSession)
        try await store.finishInitialRun(token, work.connection)
        return result
    }

    /// Writes to the attempt log how a step failed; where that fails too, the next runner finds the attempt abandoned.
    ///
    /// In a task of its own, since the run may have been cancelled.
    func book(_ error: MigrationError, of attempt: AttemptKey, _ connection: PostgresConnection) async {
        _ = await Task {
            guard await connection.isClosed else { return try await store.finish(attempt, after: error, connection) }
            try await PostgresConnection.withConnection(to: configuration) { connection in
                try await store.finish(attempt, after: error, connection)
            }
        }.result
    }

    private func applyOne(
        _ step: PlannedStep,
        on work: WorkConnection,
        _ attempt: AttemptKey,
        _ beginning: AttemptBeginning,
        _ observer: LockObserver,
        _ session: StepSession,
        _ report: @escaping @Sendable (MigrationEvent) -> Void
    ) async throws -> StepTiming {
        let timing: StepTiming
        // Only a transaction's first message can say so by the way; and what the step sets, that would reset.
        if step.step.kind.label != .transaction || step.step.settings != nil {
            try await beginning.send(on: work.connection)
        }
        // Behind a pooler a step of one transaction makes them in it, and no other step may have any.
        if !session.isPooled, let settings = step.step.settings { try await work.connection.execute(script: settings) }
        do {
            timing = try await start(step, on: work.connection, attempt, beginning, observer, session, report)
        } catch let lost as LostCommit {
            work.connection = try await PostgresConnection.connect(to: configuration)
            timing = try await LostCommitResolution(step: step, store: store).resolve(
                lost,
                attempt.token,
                on: work.connection
            )
        }
        if step.step.settings == nil, step.step.mayChangeSession {
            let seen = timing.leftSettings
            let names = if let seen { seen } else { try await settingsLeftBehind(by: step.step, work.connection) }
            if !names.isEmpty { report(.stepLeftSettings(step.identity, names: names)) }
        }
        return timing
    }

    private func start(
        _ step: PlannedStep,
        on connection: PostgresConnection,
        _ attempt: AttemptKey,
        _ beginning: AttemptBeginning,
        _ observer: LockObserver,
        _ session: StepSession,
        _ report: @escaping @Sendable (MigrationEvent) -> Void
    ) async throws -> StepTiming {
        switch step.step.kind {
        case .transaction:
            let runner = TransactionStepRunner(
                step: step,
                store: store,
                attempt: attempt,
                beginning: beginning,
                options: options,
                session: session.session(for: step.step),
                observer: observer,
                report: report
            )
            return try await runner.run(on: connection)
        case .noTransaction:
            let runner = NonTransactionalStepRunner(
                step: step,
                store: store,
                attempt: attempt,
                session: session.session(for: step.step),
                observer: observer,
                report: report
            )
            return try await runner.run(on: connection)
        case .backfill:
            guard let statement = try step.step.inspect().backfill else {
                throw MigrationError(.invalidBackfill, "\(step.label) is not an UPDATE that can be run in batches")
            }
            let runner = BackfillRunner(
                step: step,
                statement: statement,
                store: store,
                attempt: attempt,
                options: options,
                observer: observer,
                session: session.session(for: step.step),
                report: report
            )
            return try await runner.run(on: connection)
        }
    }
}

/// The connection that steps run on; another one once it was lost.
private final class WorkConnection {
    var connection: PostgresConnection

    init(_ connection: PostgresConnection) {
        self.connection = connection
    }
}
