import Postgres

/// Applies one transactional step: its SQL, the fencing check and its line in the history commit together.
struct TransactionStepRunner: Sendable {
    let step: PlannedStep
    let store: HistoryStore
    let attempt: AttemptKey
    let options: MigratorOptions
    let configuration: PostgresConfiguration
    let report: @Sendable (MigrationEvent) -> Void

    /// Runs the step, giving way to others and trying again within the stall budget.
    ///
    /// The first try is the canary; once it was in vain, a watch looks at who stands in the way of the next ones.
    func run(on connection: PostgresConnection) async throws -> StepTiming {
        var budget = StallBudget(total: options.stallBudget)
        var watch: BlockerWatch?
        while true {
            let attempt = ContinuousClock.now
            do {
                let timing = try await attemptOnce(
                    connection,
                    lockTimeout: min(lockTimeout, budget.remaining),
                    tries: budget.attempts + 1
                )
                await watch?.stop()
                return timing
            } catch let error as PostgresError where error.mayBeRetriedByStep {
                do {
                    try await pause(&budget, ContinuousClock.now - attempt, after: error, blocker: watch?.lastSeen)
                } catch {
                    await watch?.stop()
                    throw error
                }
                if watch == nil { watch = try? await startWatch(connection) }
            } catch {
                await watch?.stop()
                throw error
            }
        }
    }

    private func pause(
        _ budget: inout StallBudget,
        _ waited: Duration,
        after error: PostgresError,
        blocker: String?
    ) async throws {
        let pause = try budget.spend(waited, after: error, step: step, blocker: blocker)
        let reason = blocker.map { "waits for \($0)" } ?? "\(error)"
        report(.stepRetried(step.identity, attempt: budget.attempts, pause: pause, reason: reason))
        try await Task.sleep(for: pause)
    }

    private func startWatch(_ connection: PostgresConnection) async throws -> BlockerWatch {
        try await BlockerWatch(
            configuration,
            watching: await connection.backendProcessID,
            every: max(.milliseconds(10), lockTimeout / 4)
        )
    }

    private func attemptOnce(_ connection: PostgresConnection, lockTimeout: Duration, tries: Int) async throws
        -> StepTiming
    {
        let startedAt = PostgresTimestamp.now
        let clock = ContinuousClock.now
        var timing = StepTiming(startedAt: startedAt, durationMilliseconds: 0)
        var transaction: UInt64?
        do {
            try await connection.withTransaction(transactionOptions(lockTimeout)) { connection in
                try await store.prove(attempt.token, activity: step.label, connection)
                let locked = ContinuousClock.now
                try await runSQL(connection)
                let end = ContinuousClock.now
                timing = StepTiming(
                    startedAt: startedAt,
                    durationMilliseconds: Int64((end - clock).milliseconds),
                    lockHeldMilliseconds: holdsWritersBack ? (end - locked).milliseconds : nil,
                    tries: Int32(clamping: tries)
                )
                transaction = try await store.record(step, outcome: .applied, timing: timing, attempt, connection)
            }
        } catch let error as PostgresError where error.code == .commitOutcomeUnknown {
            throw LostCommit(transaction: transaction, timing: timing, error: error)
        }
        return timing
    }

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

    /// Whether some lock of the step keeps writers waiting; where the text does not tell, it is taken to.
    private var holdsWritersBack: Bool {
        guard let inspection = try? step.step.inspect(), inspection.notes.isEmpty else { return true }
        return inspection.statements.contains { statement in
            !statement.isLockKnown || statement.locks.contains { $0.mode.blocksWriters }
        }
    }

    private var lockTimeout: Duration { step.step.options.lockTimeout ?? options.lockTimeout }

    private func transactionOptions(_ lockTimeout: Duration) -> TransactionOptions {
        var transaction = TransactionOptions()
        transaction.settings = [
            "lock_timeout": "\(lockTimeout.wholeMilliseconds)",
            "statement_timeout": "\((step.step.options.statementTimeout ?? .zero).wholeMilliseconds)",
            "idle_in_transaction_session_timeout": "0",
        ]
        return transaction
    }
}

/// The answer to a step's COMMIT was lost; the server knows the transaction's fate by its number.
struct LostCommit: Error {
    let transaction: UInt64?
    let timing: StepTiming
    let error: PostgresError
}

/// How long a step may queue for locks, and make others queue behind it, in all its attempts.
struct StallBudget {
    let total: Duration
    private(set) var spent: Duration = .zero
    private(set) var attempts = 0

    /// Below this a try is in vain.
    private static let shortestTry: Duration = .milliseconds(10)

    init(total: Duration) {
        self.total = total
    }

    /// What is left for the tries to come.
    var remaining: Duration { max(.zero, total - spent) }

    /// Books an attempt that failed; returns how long to pause before the next.
    ///
    /// - Throws: ``MigrationError`` of code `stallBudgetSpent` when there is nothing left: there is no last attempt
    ///   without a limit.
    mutating func spend(
        _ waited: Duration,
        after error: PostgresError,
        step: PlannedStep,
        blocker: String? = nil
    ) throws -> Duration {
        attempts += 1
        spent += waited
        guard remaining >= Self.shortestTry else {
            throw MigrationError(
                .stallBudgetSpent,
                "\(step.label) could not get its lock in \(attempts) tries; it queued for \(spent.rounded) of at most "
                    + "\(total.rounded). In the way: \(blocker ?? "not seen (\(error))")",
                hint: "end what is in the way or wait for it, and run \"migrate up\" again; what was applied stays",
                exitCode: .tryAgainLater,
                underlying: error
            )
        }
        // Full jitter, growing to two seconds: those behind us get through in between.
        let ceiling = min(2000, 100 << min(attempts, 5))
        return .milliseconds(Int64.random(in: 50...Int64(max(51, ceiling))))
    }
}

extension PostgresError {
    /// A lock that was not to be had, or a deadlock: the transaction is rolled back and may be repeated whole.
    var mayBeRetriedByStep: Bool {
        sqlState == .lockNotAvailable || isRetryable
    }
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
