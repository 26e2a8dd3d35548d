extension PlannedStep {
    /// The step for people: `0002_vmm_failure_reason/04_backfill`.
    var label: String { "\(migration.folder)/\(step.name)" }

    /// The step's place as the history stores it.
    var ordinal: Int32 { Int32(clamping: step.ordinal) }

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
