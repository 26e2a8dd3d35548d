import SchemaMigrations

/// How a run of `up` ended.
struct RunSummary: Sendable {
    /// The outcome in one word.
    enum Outcome: String, Encodable, Sendable {
        case applied
        case nothingToDo = "nothing_to_do"
        case failed
        case paused
    }

    let outcome: Outcome
    let tally: RunTally
    let duration: Duration
    let heldBack: [Migration]
    let exitCode: MigrationExitCode
    let error: MigrationError?

    /// A run that came to its end.
    init(_ result: MigrationResult, _ tally: RunTally, took duration: Duration) {
        outcome = tally.steps > 0 ? .applied : .nothingToDo
        self.tally = tally
        self.duration = duration
        heldBack = result.heldBack
        exitCode = result.exitCode
        error = nil
    }

    /// A run that did not.
    init(_ error: MigrationError, _ tally: RunTally, took duration: Duration) {
        outcome = error.exitCode == .paused ? .paused : .failed
        self.tally = tally
        self.duration = duration
        heldBack = []
        exitCode = error.exitCode
        self.error = error
    }
}

/// What a run has done so far, also where it fails later.
struct RunTally: Sendable, Equatable {
    /// Steps that were applied.
    private(set) var steps = 0
    /// Migrations that were completed.
    private(set) var migrations = 0
    /// The longest time that a step kept writers waiting.
    private(set) var longestLockHeld: Duration?
    /// How long others waited for the steps' locks, added up over all of them.
    private(set) var othersBlocked: Duration?

    mutating func take(_ event: MigrationEvent) {
        guard case .stepFinished(let identity, _, _, let lockHeld, let blocked) = event else { return }
        steps += 1
        if identity.ordinal == identity.count { migrations += 1 }
        if let lockHeld { longestLockHeld = max(lockHeld, longestLockHeld ?? .zero) }
        if let blocked { othersBlocked = blocked + (othersBlocked ?? .zero) }
    }
}
