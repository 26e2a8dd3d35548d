import Postgres

/// Applies one transactional step: its SQL, the fencing check and its line in the history commit together.
struct TransactionStepRunner: Sendable {
    let step: PlannedStep
    let store: HistoryStore
    let attempt: AttemptKey
    let beginning: AttemptBeginning
    let options: MigratorOptions
    let session: StepSession
    let observer: LockObserver
    let report: @Sendable (MigrationEvent) -> Void

    /// Runs the step, giving way to others and trying again within the stall budget.
    func run(on connection: PostgresConnection) async throws -> StepTiming {
        let targets = LockTargets(of: step.step)
        let tries = LockTries(step: step, options: options, observer: observer, report: report, targets: targets)
        let cost = LockCost(budget: options.stallBudget)
        // Asked of the text once, not for each try.
        let mayChangeSession = step.step.mayChangeSession
        // A look at who is in the way, and what it may wait for, belongs to the attempt.
        if !targets.locks.isEmpty { try await beginning.send(on: connection) }
        do {
            return try await tries.run(on: connection, cost: cost) { attempt in
                try await self.attemptOnce(attempt, connection, targets, cost, mayChangeSession: mayChangeSession)
            }
        } catch let error as MigrationError {
            throw await ViolatingRows(step: step, store: store, session: session).explain(error, connection)
        }
    }

    private func attemptOnce(
        _ terms: LockTry,
        _ connection: PostgresConnection,
        _ targets: LockTargets,
        _ cost: LockCost,
        mayChangeSession: Bool
    ) async throws -> StepTiming {
        let begin = ContinuousClock.now
        var timing = StepTiming(durationMilliseconds: 0)
        do {
            return try await connection.withTransaction(
                transactionOptions(terms),
                preceding: beginning.script,
                // What the runner does the line says since the attempt began.
                opening: store.proof(of: attempt.token, activity: nil, in: session)
            ) { connection, tags in
                guard beginning.take(tags) else { throw NotBegun() }
                try HistoryStore.check(tags)
                let (locked, left) = try await runStep(terms, connection, cost, mayChangeSession: mayChangeSession)
                timing = self.timing(of: terms, since: begin, locked, targets, cost)
                timing.leftSettings = left
                return (timing, try await closing(timing, connection))
            }
        } catch is NotBegun {
            // Says why, or begins when that is over.
            try await beginning.send(on: connection)
            return try await attemptOnce(terms, connection, targets, cost, mayChangeSession: mayChangeSession)
        } catch let error as PostgresError where error.code == .commitOutcomeUnknown {
            throw LostCommit(timing: timing, error: error)
        } catch let error as PostgresError where store.isOfHistory(error, .uniqueViolation) {
            throw MigrationError.recordedAlready(step)
        }
    }

    /// Runs the step's SQL, with its settings before it.
    ///
    /// - Returns: Since when it may have had locks, and what ``endSession(_:_:)`` found.
    private func runStep(
        _ terms: LockTry,
        _ connection: PostgresConnection,
        _ cost: LockCost,
        mayChangeSession: Bool
    ) async throws -> (locked: ContinuousClock.Instant, left: [String]?) {
        cost.processID = try await session.processID(connection)
        let locked = ContinuousClock.now
        if session.isPooled, let settings = step.step.settings {
            try await connection.execute(script: settings)
            // The limits of this try hold all the same.
            try await connection.execute(script: limits(terms))
        }
        try await runSQL(connection)
        return (locked, try await endSession(mayChangeSession, connection))
    }

    private func timing(
        of terms: LockTry,
        since begin: ContinuousClock.Instant,
        _ locked: ContinuousClock.Instant,
        _ targets: LockTargets,
        _ cost: LockCost
    ) -> StepTiming {
        let end = ContinuousClock.now
        return StepTiming(
            durationMilliseconds: Int64((end - begin).milliseconds),
            lockHeldMilliseconds: targets.holdWritersBack ? (end - locked).milliseconds : nil,
            othersBlockedMilliseconds: targets.holdWritersBack ? cost.othersBlocked.milliseconds : nil,
            tries: Int32(clamping: terms.number)
        )
    }

    /// Writes the step's line, or gives it as text for the message of COMMIT where nothing depends on its answer.
    private func closing(_ timing: StepTiming, _ connection: PostgresConnection) async throws -> String? {
        guard step.isInsertedOnly else {
            try await store.record(step, outcome: .applied, timing: timing, attempt, connection)
            return nil
        }
        try await store.keepTrace(of: attempt, connection)
        return store.recording(step, outcome: .applied, timing: timing, attempt)
    }

    /// Makes the session the engine's again, behind the step's SQL.
    ///
    /// - Returns: What the file has set for its session, where that can be asked here only.
    private func endSession(
        _ mayChange: Bool,
        _ connection: PostgresConnection
    ) async throws -> [String]? {
        guard mayChange || step.step.settings != nil else {
            if session.role != nil { try await connection.execute(script: StepSession.end) }
            return nil
        }
        guard session.isPooled else {
            try await connection.execute(script: StepSession.end)
            return nil
        }
        let left = try await StepSession.left(behind: step.step, connection)
        try await connection.execute(script: StepSession.resetInTransaction)
        return left
    }

    /// The message that would have begun has not.
    private struct NotBegun: Error {}

    private func runSQL(_ connection: PostgresConnection) async throws {
        do throws(PostgresError) {
            try await connection.execute(script: step.step.file.text)
        } catch {
            guard error.code == .server, !error.mayBeRetriedByStep else { throw error }
            throw MigrationError(
                sqlFailure: error,
                in: step,
                position: error.server?.position,
                consequence: "the step was rolled back and nothing of it stays"
            )
        }
    }

    private func limits(_ terms: LockTry) -> String {
        transactionOptions(terms).settings.map { "SET LOCAL \($0.key) = \(PostgresQuery.quote(literal: $0.value))" }
            .sorted().joined(separator: "; ")
    }

    private func transactionOptions(_ terms: LockTry) -> TransactionOptions {
        var transaction = TransactionOptions()
        transaction.settings = terms.settings
        transaction.settings["statement_timeout"] =
            "\((step.step.options.statementTimeout ?? .zero).wholeMilliseconds)"
        transaction.settings["idle_in_transaction_session_timeout"] = "0"
        return transaction
    }
}

/// The answer to a step's COMMIT was lost; the history knows the transaction's fate.
struct LostCommit: Error {
    let timing: StepTiming
    let error: PostgresError
}

extension Duration {
    var milliseconds: Double { self / .milliseconds(1) }

    /// For `SET`, which takes whole milliseconds of 31 bits.
    var wholeMilliseconds: Int32 { Int32(clamping: Int64(milliseconds.rounded(.up))) }

    /// For people.
    var rounded: String {
        milliseconds < 1000 ? "\(Int64(milliseconds)) ms" : "\((milliseconds / 100).rounded() / 10) s"
    }
}
