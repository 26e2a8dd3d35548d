import Postgres

/// Takes one migration back: its `down.sql`, the fencing check and the end of its lines in the history commit together.
struct RollbackRunner: Sendable {
    let migration: Migration
    let down: SQLFile
    let store: HistoryStore
    let attempt: AttemptKey
    let options: MigratorOptions
    let session: StepSession
    /// What the schema has to be afterwards, where that is known.
    let expected: SchemaFingerprint?
    let observer: LockObserver
    let report: @Sendable (MigrationEvent) -> Void

    /// Runs it, giving way to others and trying again within the stall budget.
    ///
    /// - Throws: ``MigrationError``; this migration is as it was then, unless the error says that nobody knows.
    func run(on connection: PostgresConnection) async throws -> StepTiming {
        let targets = LockTargets(of: step.step)
        let tries = LockTries(step: step, options: options, observer: observer, report: report, targets: targets)
        let cost = LockCost(budget: options.stallBudget)
        let clock = ContinuousClock.now
        do {
            try await tries.run(on: connection, cost: cost) { attempt in
                try await self.attemptOnce(attempt, connection, cost)
            }
        } catch let error as PostgresError where error.isLostConnection {
            throw MigrationError.lostConnection(in: step.label, error)
        }
        try await connection.execute(script: HistoryStore.resetSession)
        return StepTiming(
            durationMilliseconds: Int64((ContinuousClock.now - clock).milliseconds),
            othersBlockedMilliseconds: targets.holdWritersBack ? cost.othersBlocked.milliseconds : nil
        )
    }

    private func attemptOnce(_ terms: LockTry, _ connection: PostgresConnection, _ cost: LockCost) async throws {
        var transaction = TransactionOptions()
        transaction.settings = terms.settings
        transaction.settings["statement_timeout"] = "0"
        transaction.settings["idle_in_transaction_session_timeout"] = "0"
        try await connection.withTransaction(transaction) { try await takeBack($0, cost, tries: terms.number) }
    }

    /// The way back as a step, for messages and events.
    var step: PlannedStep {
        let step = MigrationStep(ordinal: 1, name: "down", kind: .transaction, options: StepOptions(), file: down)
        return PlannedStep(migration: migration.keeping([step]), step: step, beginning: .fresh)
    }

    private func takeBack(_ connection: PostgresConnection, _ cost: LockCost, tries: Int) async throws {
        try await store.prove(attempt.token, activity: step.label, in: session, connection)
        cost.processID = try await session.processID(connection)
        do throws(PostgresError) {
            try await connection.execute(script: down.text)
        } catch {
            guard error.code == .server, !error.mayBeRetriedByStep else { throw error }
            throw MigrationError(
                sqlFailure: error,
                in: down,
                position: error.server?.position,
                hint: "the migration stays applied as it was; mend the file and run the same command again"
            )
        }
        if session.isPooled {
            try await connection.execute(script: StepSession.resetInTransaction)
        } else if session.role != nil {
            try await connection.execute(script: StepSession.end)
        }
        try await store.forget(migration.version, connection)
        try await store.finishRollback(attempt, tries: tries, connection)
        guard let expected else { return }
        // The last thing that happens: reading the schema changes the transaction's settings.
        let found = try await SchemaReader(bookkeepingSchema: store.schema).fingerprint(inTransactionOf: connection)
        guard expected == found else { throw wrongWayBack() }
    }

    private func wrongWayBack() -> MigrationError {
        MigrationError(
            .wrongWayBack,
            "the schema behind it is not the one that the version before had left; it was rolled back",
            at: SourceLocation(file: down.path),
            hint:
                "mend down.sql; or take it as it is, a restored column in another place for example: --accept-difference",
            exitCode: .disagreement
        )
    }
}

extension HistoryStore {
    /// Removes everything that is recorded of a version.
    func forget(_ version: MigrationVersion, _ connection: PostgresConnection) async throws {
        for table in [history, backfill] {
            try await connection.query(
                once("DELETE FROM \(unsafeSQL: table) WHERE version = \(version.number)")
            )
        }
    }
}

extension PostgresError {
    /// Whether the connection broke, at COMMIT or before.
    var isLostConnection: Bool { code == .commitOutcomeUnknown || code == .connectionClosed }
}

extension MigrationError {
    /// The connection broke in what one transaction does whole, and the history tells whether it did.
    static func lostConnection(in what: String, _ error: PostgresError) -> MigrationError {
        MigrationError(
            .connectionLost,
            "the connection was lost in \(what): \(error)",
            hint: "run the same command again: it reads from the history what was done, and goes on",
            underlying: error
        )
    }
}
