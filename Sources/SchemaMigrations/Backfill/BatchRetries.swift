import Postgres

/// How long one batch may go on losing against others.
struct BatchRetries {
    private let end: ContinuousClock.Instant
    private(set) var attempts = 0

    init(within patience: Duration) {
        end = ContinuousClock.now + patience
    }

    /// How long to pause after an attempt that failed.
    ///
    /// - Throws: ``MigrationError`` of code `stallBudgetSpent` when there is no patience left.
    mutating func pause(after error: PostgresError, step: PlannedStep) throws(MigrationError) -> Duration {
        attempts += 1
        guard ContinuousClock.now < end else {
            throw MigrationError(
                .stallBudgetSpent,
                "a batch of \(step.label) failed \(attempts) times: \(error)",
                hint: "end what is in the way or wait for it, and run \"migrate up\" again; what was committed stays",
                exitCode: .tryAgainLater,
                underlying: error
            )
        }
        // Full jitter, growing to two seconds.
        let ceiling = min(2000, 100 << min(attempts, 5))
        return .milliseconds(Int64.random(in: 50...Int64(ceiling)))
    }
}
