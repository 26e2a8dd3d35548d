import Postgres

extension Migrator {
    /// What ``rollbackPlan(to:)`` and ``down(to:acceptingDifference:report:)`` would take back now.
    ///
    /// - Returns: The migrations, newest first; none when nothing newer is applied.
    /// - Throws: ``MigrationError``, see ``down(to:acceptingDifference:report:)``.
    public func rollbackPlan(to target: MigrationVersion) async throws -> RollbackPlan {
        let history = try await history()
        return try RollbackPlan.make(
            source: source,
            history: history,
            target: target,
            allowsOutOfOrder: options.allowsOutOfOrder
        )
    }

    /// Takes back every migration that is newer than `target`, newest first, by their `down.sql`s.
    ///
    /// Each runs in a transaction together with the end of its lines in the history, under the lock, fenced by the
    /// token and within the stall budget, as a step of ``up(to:phase:report:)`` does. Behind each the schema must be
    /// the one whose fingerprint the version before had left, or it is rolled back; that is not asked where none is
    /// recorded, and where the schema had drifted before.
    ///
    /// - Parameters:
    ///   - target: The version to go back to; 0 takes everything back.
    ///   - acceptingDifference: Whether a schema that is not the recorded one is taken as it is.
    ///   - report: Is told what happens, from several threads.
    /// - Returns: What was taken back; nothing to do is a result, not an error.
    /// - Throws: ``MigrationError``: no `down.sql`, refused SQL, a role that is not to be had, a schema that is not the recorded one (exit 7). What
    ///   was taken back before stays taken back and recorded so.
    public func down(
        to target: MigrationVersion,
        acceptingDifference: Bool = false,
        report: @escaping @Sendable (MigrationEvent) -> Void = { _ in }
    ) async throws -> RollbackPlan {
        let first = try await rollbackPlan(to: target)
        guard !first.migrations.isEmpty else { return first }
        return try await asRunner(report) { connection, token, lock in
            let session = try await StepSession.begin(options.role, connection)
            let history = try await store.readAlone(connection)
            let plan = try RollbackPlan.make(
                source: source,
                history: history,
                target: target,
                allowsOutOfOrder: options.allowsOutOfOrder
            )
            try await options.approval?(plan.migrations.compactMap(\.down?.path))
            let recorded = acceptingDifference ? [:] : try await comparableFingerprints(history, connection)
            let versions = Set(history.records.map(\.version))
            try await withObserver { observer in
                try await store.closeAbandonedAttempts(before: token, connection)
                for (index, migration) in plan.migrations.enumerated() {
                    guard let down = migration.down else { continue }
                    let before = versions.filter { $0 < migration.version }.max()
                    let attempt = AttemptKey(token: token, number: Int32(clamping: index + 1))
                    let runner = RollbackRunner(
                        migration: migration,
                        down: down,
                        store: store,
                        attempt: attempt,
                        options: options,
                        session: session,
                        expected: before.flatMap { recorded[$0] },
                        observer: observer,
                        report: { event in
                            attempt.trace.take(event)
                            report(event)
                        }
                    )
                    try Task.checkCancellation()
                    guard !lock.isLost else { throw MigrationError.lockLost(before: runner.step) }
                    try await run(runner, connection, report)
                }
            }
            try await store.finishInitialRun(token, connection)
            return plan
        }
    }

    private func run(
        _ runner: RollbackRunner,
        _ connection: PostgresConnection,
        _ report: @escaping @Sendable (MigrationEvent) -> Void
    ) async throws {
        let beginning = AttemptBeginning(
            of: runner.step,
            runner.attempt,
            store: store,
            runner: options.holder,
            mayBePaused: false,
            report: report
        )
        do {
            try await beginning.send(on: connection)
            report(.finished(runner.step, try await runner.run(on: connection)))
        } catch {
            let described = MigrationError.describing(error, step: runner.step)
            guard beginning.hasBegun else { throw described }
            report(.stepFailed(runner.step.identity, described))
            await book(described, of: runner.attempt, connection)
            throw described
        }
    }

    /// The recorded fingerprints that the way back can be held to; none when the schema has drifted already.
    private func comparableFingerprints(
        _ history: MigrationHistory,
        _ connection: PostgresConnection
    ) async throws -> [MigrationVersion: SchemaFingerprint] {
        let recorded = try await store.fingerprints(connection)
        let live = try await SchemaReader(bookkeepingSchema: store.schema).fingerprint(connection)
        let comparison = HistoryComparison(
            source: source,
            history: history,
            allowsOutOfOrder: options.allowsOutOfOrder
        )
        let isWhole = !comparison.entries.contains { $0.state == .partial }
        if isWhole, let current = comparison.current, recorded[current] != live { return [:] }
        return recorded.filter { $0.value.isComparable(with: live) }
    }
}
