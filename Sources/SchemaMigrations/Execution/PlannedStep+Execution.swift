extension PlannedStep {
    /// The step for people: `0002_vmm_failure_reason/04_backfill`.
    var label: String { "\(migration.folder)/\(step.name)" }

    /// The step's place as the history stores it.
    var ordinal: Int32 { Int32(clamping: step.ordinal) }

    /// Whether the history has no line of the step yet, and gets it when the step is done: a file that refuses to run in
    /// a transaction, and has left an intent, may have become one that runs in it.
    var isInsertedOnly: Bool {
        guard case .fresh = beginning else { return false }
        return step.kind == .transaction
    }

    var identity: StepIdentity {
        StepIdentity(
            version: migration.version,
            migration: migration.name,
            step: step.name,
            ordinal: step.ordinal,
            count: migration.steps.count,
            kind: step.kind.label
        )
    }
}
