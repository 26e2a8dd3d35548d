import Postgres

/// Applies one statement that refuses to run in a transaction.
///
/// Its intent is recorded first. After a crash the catalog tells whether it happened: see ``Settlement``.
struct NonTransactionalStepRunner: Sendable {
    let step: PlannedStep
    let store: HistoryStore
    let attempt: AttemptKey
    let session: StepSession
    let observer: LockObserver
    let report: @Sendable (MigrationEvent) -> Void

    func run(on connection: PostgresConnection) async throws -> StepTiming {
        let clock = ContinuousClock.now
        let settlement = Settlement(step: step.step)
        let process = try await recordIntent(connection)
        if hasIntent {
            try await settlement.waitWhileUnderWay(store, connection)
            try await settlement.clearLeftovers(store, connection)
            if try await settlement.isDone(step, store, connection) {
                return try await finish(connection, clock)
            }
        }
        if !hasIntent { try await settlement.clearLeftovers(store, connection) }
        try await watched(process) { try await runStatement(connection, settlement) }
        try await settlement.confirm(step, store, connection)
        return try await finish(connection, clock)
    }

    /// Tells, while `body` runs, how far the server is and whom it waits for.
    private func watched(_ process: Int32, _ body: () async throws -> Void) async throws {
        let watch = Task { [observer, report, identity = step.identity] in
            var last: ServerProgress?
            while (try? await Task.sleep(for: .milliseconds(300))) != nil {
                guard let progress = await observer.progress(of: process), progress != last else { continue }
                last = progress
                report(.stepServerProgress(identity, progress))
            }
        }
        defer { watch.cancel() }
        try await body()
    }

    private var hasIntent: Bool {
        if case .settle = step.beginning { true } else { false }
    }

    /// - Returns: The server process that is at work.
    private func recordIntent(_ connection: PostgresConnection) async throws -> Int32 {
        try await connection.withTransaction { connection in
            try await store.prove(attempt.token, activity: step.label, connection)
            if !hasIntent {
                let timing = StepTiming(durationMilliseconds: 0)
                try await store.record(step, outcome: .intent, timing: timing, attempt, connection)
            }
            return try await session.processID(connection)
        }
    }

    private func runStatement(_ connection: PostgresConnection, _ settlement: Settlement) async throws {
        // Behind a pooler the role's own settings hold: what is set here would reach another client.
        if !session.isPooled { try await connection.execute(script: session.script + settings) }
        do throws(PostgresError) {
            try await connection.execute(script: step.step.file.text)
            // The bookkeeping is the login role's.
            try await connection.execute(script: "RESET ROLE")
        } catch {
            guard error.code == .server else { throw error }
            try await connection.execute(script: "RESET ROLE; RESET statement_timeout")
            try await withdraw(settlement, connection)
            throw MigrationError(
                sqlFailure: error,
                in: step,
                position: error.server?.position,
                consequence: "what the statement left behind was removed"
            )
        }
    }

    /// What is set for the session before the statement, until the next step begins.
    ///
    /// With keepalives the session of a runner whose machine is gone ends with its statement. That is let to its end:
    /// the server is not told to look for its client meanwhile, since the next run records what was done.
    private var settings: String {
        var settings = MigrationLock.keepAliveSettings
        // No lock_timeout by default: CREATE INDEX CONCURRENTLY queues nobody behind it, and a timeout in its last
        // wait would leave an INVALID index.
        settings["lock_timeout"] = "\((step.step.options.lockTimeout ?? .zero).wholeMilliseconds)"
        settings["statement_timeout"] = "\((step.step.options.statementTimeout ?? .zero).wholeMilliseconds)"
        return settings.map { "SET \($0.key) = '\($0.value)'" }.sorted().joined(separator: "; ")
    }

    /// The names of what the engine sets for the session.
    static let settingNames = Set(MigrationLock.keepAliveSettings.keys)
        .union(["lock_timeout", "search_path", "statement_timeout"])

    /// Cleans up after a statement that failed; not when another runner has taken over, whose index it would remove.
    private func withdraw(_ settlement: Settlement, _ connection: PostgresConnection) async throws {
        try await connection.withTransaction { connection in
            try await store.prove(attempt.token, activity: step.label, connection)
        }
        try await settlement.clearLeftovers(store, connection)
        try await connection.withTransaction { connection in
            try await store.prove(attempt.token, activity: step.label, connection)
            try await store.withdrawIntent(step, connection)
        }
    }

    private func finish(
        _ connection: PostgresConnection,
        _ clock: ContinuousClock.Instant
    ) async throws -> StepTiming {
        let milliseconds = Int64((ContinuousClock.now - clock).milliseconds)
        let timing = StepTiming(durationMilliseconds: milliseconds)
        try await connection.withTransaction { connection in
            try await store.prove(attempt.token, activity: step.label, connection)
            try await store.record(step, outcome: .applied, timing: timing, attempt, connection)
        }
        return timing
    }
}
