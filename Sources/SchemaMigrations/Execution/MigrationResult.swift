/// What a run did.
public struct MigrationResult: Sendable {
    /// The steps that were applied, in order.
    public private(set) var steps: [StepIdentity] = []
    /// The migrations that this run completed, in order.
    public private(set) var completed: [MigrationVersion] = []
    /// The contract migrations that were not asked for, and what lies behind them.
    public let heldBack: [Migration]
    /// In what files and history disagree without hindering the run, such as a file that was renamed.
    public let findings: [MigrationFinding]
    /// What the command answers: done, or pending when more than contract migrations was held back.
    public let exitCode: MigrationExitCode
    /// The longest time that a step held its table locks, in milliseconds; nil when none did.
    public private(set) var longestLockHeldMilliseconds: Double?
    /// How long others were seen waiting for the steps' locks, added up over all of them, in milliseconds; nil when no
    /// step asked for a lock that keeps writers waiting.
    public private(set) var othersBlockedMilliseconds: Double?

    init(plan: MigrationPlan) {
        heldBack = plan.heldBack
        findings = plan.findings
        exitCode = plan.exitCodeWhenApplied
    }

    mutating func book(_ step: PlannedStep, _ timing: StepTiming) {
        steps.append(step.identity)
        if step.step.ordinal == step.migration.steps.count { completed.append(step.migration.version) }
        if let held = timing.lockHeldMilliseconds {
            longestLockHeldMilliseconds = max(held, longestLockHeldMilliseconds ?? 0)
        }
        if let blocked = timing.othersBlockedMilliseconds {
            othersBlockedMilliseconds = blocked + (othersBlockedMilliseconds ?? 0)
        }
    }
}
