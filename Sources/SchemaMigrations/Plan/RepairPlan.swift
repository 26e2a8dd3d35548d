/// What of one applied migration the history would record anew, because its files say something else by now.
///
/// It is about texts and names alone: what was applied stays applied, and nothing is run.
public struct RepairPlan: Sendable, Equatable {
    /// A step of which text or name is not the recorded one.
    public struct Step: Sendable, Equatable {
        /// The step as its file has it.
        public let step: MigrationStep
        /// The step as it was applied, or as an earlier repair has recorded it.
        public let record: HistoryRecord
    }

    /// The migration as its files have it.
    public let migration: Migration
    /// The name that the history has; `nil` when it is the one that the files have.
    public let recordedName: String?
    /// The steps that differ, in order; those that are not applied are not among them.
    public let steps: [Step]

    /// Whether the history says already what the files say.
    public var isEmpty: Bool { recordedName == nil && steps.isEmpty }

    /// Decides from values alone.
    ///
    /// Findings about other migrations do not matter, so that several can be repaired one by one.
    ///
    /// - Throws: ``MigrationError`` for a version that no file has or that is not applied, for steps that came, went or
    ///   moved, for a checksum that cannot be compared, and where the database is ahead of the files: what a newer
    ///   release has recorded is not for an older one to change.
    static func make(
        source: MigrationSource,
        history: MigrationHistory,
        version: MigrationVersion
    ) throws(MigrationError) -> RepairPlan {
        let version = source.meant(version)
        // What is not applied yet is none of its business, in whatever order it will be.
        let comparison = HistoryComparison(source: source, history: history, allowsOutOfOrder: true)
        let findings = comparison.findings.filter { finding in
            finding.kind == .ahead || (finding.version == version && finding.kind != .edited)
        }
        if let obstacle = findings.blockingError {
            let isAboutSteps = findings.contains { [.addedStep, .moved, .missingFile].contains($0.kind) }
            throw isAboutSteps
                ? obstacle.adding("a repair records texts; it adds, moves and removes no step") : obstacle
        }
        guard let entry = comparison.entries.first(where: { $0.version == version }), let migration = entry.migration
        else { throw .unknown(version, in: source) }
        guard entry.steps.contains(where: \.isApplied) else {
            throw MigrationError(
                .notApplied,
                "version \(migration.version) is not applied, so there is nothing to repair",
                hint: "its files may be edited freely; \"migrate up\" applies them as they are then",
                exitCode: .usage
            )
        }
        let names = history.records.filter { $0.version == version }.map(\.migrationName)
        return RepairPlan(
            migration: migration,
            recordedName: names.first { $0 != migration.name },
            steps: entry.steps.compactMap(Step.init)
        )
    }
}

extension RepairPlan.Step {
    /// The step if it is applied and differs from its record.
    fileprivate init?(_ entry: HistoryComparison.StepEntry) {
        guard let step = entry.step else { return nil }
        switch entry.state {
        case .changed(let record): self.init(step: step, record: record)
        case .applied(let record) where record.stepName != step.name: self.init(step: step, record: record)
        case .applied, .pending, .intent, .missing: return nil
        }
    }
}

extension HistoryComparison.StepEntry {
    fileprivate var isApplied: Bool {
        switch state {
        case .applied, .changed, .missing: true
        case .pending, .intent: false
        }
    }
}
