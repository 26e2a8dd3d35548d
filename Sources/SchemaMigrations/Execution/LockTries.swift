import Postgres

/// Gets a step its locks at a bounded cost for others.
///
/// Whoever waits for a strong lock makes everybody behind it wait as well. So it is first looked, without queueing,
/// whether somebody is in the way who would outlast a try. Then comes one short try, the canary, and after it few
/// others with pauses in which those behind get through. During a try the queue behind it is watched, from another
/// connection; before the budget is overdrawn the try ends itself. There is no last try without a limit.
struct LockTries: Sendable {
    let step: PlannedStep
    let options: MigratorOptions
    let observer: LockObserver
    let report: @Sendable (MigrationEvent) -> Void
    let targets: LockTargets

    /// How long a step stands by for a moment in which nobody is in the way, in stall budgets.
    private static let patience = 6
    /// Below this a try is in vain.
    private static let shortestTry: Duration = .milliseconds(10)

    /// Runs `body` until it has its locks.
    ///
    /// - Parameters:
    ///   - connection: Where it is looked who is in the way.
    ///   - cost: What the tries cost others; the caller reads it afterwards.
    ///   - body: One try: a transaction with the settings that it is given. It notes its server process.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; ``MigrationError`` of code `stallBudgetSpent` naming who is in the way.
    func run<Value: Sendable>(
        on connection: PostgresConnection,
        cost: LockCost,
        _ body: @escaping @Sendable (LockTry) async throws -> Value
    ) async throws -> Value {
        let end = ContinuousClock.now + options.stallBudget * Self.patience
        var approach = LockApproach(lockTimeout: lockTimeout)
        while true {
            let found = try await targets.blockers(connection)
            if let inTheWay = approach.obstacle(in: found) {
                cost.see(inTheWay)
                guard ContinuousClock.now < end else { throw spent(cost, approach, nil) }
                try await pause(approach, "\(inTheWay.text) in the way; not queueing behind it")
                continue
            }
            let limit = targets.holdWritersBack ? cost.remaining : nil
            let attempt = try await approach.next(on: connection, found, limit: limit)
            let start = ContinuousClock.now
            let error: any Error
            switch await watched(attempt, cost, body) {
            case .success(let value): return value
            case .failure(let failure): error = failure
            }
            guard try isWorthRepeating(error, cost, approach) else { throw error }
            cost.bookFailedTry(ContinuousClock.now - start)
            guard cost.remaining >= Self.shortestTry, ContinuousClock.now < end else {
                throw spent(cost, approach, error)
            }
            let seen = cost.blockers
            try await pause(approach, seen.isEmpty ? "\(error)" : "waits for \(seen.text)")
        }
    }

    /// - Throws: ``MigrationError`` of code `stallBudgetSpent` when the watch has ended the try.
    private func isWorthRepeating(_ error: any Error, _ cost: LockCost, _ approach: LockApproach) throws -> Bool {
        let isCancelled = error is CancellationError || (error as? PostgresError)?.code == .cancelled
        if isCancelled, cost.hasSteppedOut, !Task.isCancelled { throw spent(cost, approach, error) }
        return (error as? PostgresError)?.mayBeRetriedByStep == true
    }

    /// One try, watched from the side where it can keep writers waiting.
    private func watched<Value: Sendable>(
        _ attempt: LockTry,
        _ cost: LockCost,
        _ body: @escaping @Sendable (LockTry) async throws -> Value
    ) async -> Result<Value, any Error> {
        guard targets.holdWritersBack else {
            do { return .success(try await body(attempt)) } catch { return .failure(error) }
        }
        let interval = min(max(attempt.lockTimeout / 5, .milliseconds(5)), .milliseconds(50))
        return await withTaskGroup(of: Result<Value, any Error>?.self) { group in
            group.addTask {
                do { return .success(try await body(attempt)) } catch { return .failure(error) }
            }
            group.addTask { [observer] in
                // Sleeping first: a step that is done at once costs nobody a connection.
                while (try? await Task.sleep(for: interval)) != nil {
                    guard let process = cost.processID else { continue }
                    if cost.take(await observer.look(at: process), untilNext: interval) { break }
                }
                return nil
            }
            var result: Result<Value, any Error> = .failure(CancellationError())
            // Whichever ends first ends the other.
            for await end in group {
                group.cancelAll()
                if let end { result = end }
            }
            return result
        }
    }

    private func pause(_ approach: LockApproach, _ reason: String) async throws {
        let pause = approach.pause
        report(.stepRetried(step.identity, attempt: max(1, approach.tries), pause: pause, reason: reason))
        try await Task.sleep(for: pause)
    }

    private var lockTimeout: Duration { step.step.options.lockTimeout ?? options.lockTimeout }

    private func spent(_ cost: LockCost, _ approach: LockApproach, _ error: (any Error)?) -> MigrationError {
        let tries = "\(approach.tries) \(approach.tries == 1 ? "try" : "tries")"
        let waited = "others waited \(cost.othersBlocked.rounded) for it, of at most \(cost.budget.rounded)"
        let blockers = cost.blockers
        let who = blockers.isEmpty ? "nobody that could be seen" : blockers.text
        let what =
            cost.hasSteppedOut
            ? "stepped out of its locks, or of the queue for them, in \(tries)" : "could not get its lock in \(tries)"
        return MigrationError(
            .stallBudgetSpent,
            "\(step.label) \(what); \(waited). In the way: \(who)",
            hint: "end what is in the way or wait for it, and run \"migrate up\" again; what was applied stays",
            exitCode: .tryAgainLater,
            underlying: error
        )
    }
}

/// One try to get a step's locks.
struct LockTry: Sendable {
    /// How long to queue.
    let lockTimeout: Duration
    /// After how long the server ends an autovacuum worker in the way; nil leaves it as it is.
    let deadlockTimeout: Duration?
    /// Counted from 1.
    let number: Int

    /// For the try's transaction.
    ///
    /// Its locks are free again about half a minute after the runner is gone, also when its machine was cut off.
    var settings: [String: String] {
        var settings = MigrationLock.keepAliveSettings
        // Zero would mean to wait without end.
        settings["lock_timeout"] = "\(max(1, lockTimeout.wholeMilliseconds))"
        if let deadlockTimeout { settings["deadlock_timeout"] = "\(max(1, deadlockTimeout.wholeMilliseconds))" }
        return settings
    }
}

extension PostgresError {
    /// A lock that was not to be had, or a deadlock: the transaction is rolled back and may be repeated whole.
    var mayBeRetriedByStep: Bool {
        sqlState == .lockNotAvailable || isRetryable
    }
}
