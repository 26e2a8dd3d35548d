import SchemaMigrations

/// What `repair` recorded, in the shape of its JSON.
struct RepairReport: Encodable, Equatable {
    let outcome: String
    let version: Int64
    let migration: String
    @OrNull var recordedMigration: String?
    let steps: [Step]
    let exitCode: Int32

    /// A step with what is recorded now, and what was.
    struct Step: Encodable, Equatable {
        let ordinal: Int
        let file: String
        let step: String
        let recordedStep: String
        let checksum: String
        let recordedChecksum: String
        @OrNull var requiresRelease: Int32?
        @OrNull var recordedRequiresRelease: Int32?
    }

    init(_ plan: RepairPlan) {
        outcome = plan.isEmpty ? "nothing_to_do" : "repaired"
        version = plan.migration.version.number
        migration = plan.migration.name
        _recordedMigration = OrNull(wrappedValue: plan.recordedName)
        steps = plan.steps.map { step in
            Step(
                ordinal: step.step.ordinal,
                file: step.step.file.path,
                step: step.step.name,
                recordedStep: step.record.stepName,
                checksum: step.step.file.checksum.description,
                recordedChecksum: step.record.checksum.description,
                requiresRelease: step.step.options.requiredRelease,
                recordedRequiresRelease: step.record.requiredRelease
            )
        }
        exitCode = MigrationExitCode.done.rawValue
    }
}

/// What `repair` shows and says, as text.
enum RepairText {
    /// What the history has, what the files have, and where to look for the difference between the two.
    static func differences(_ plan: RepairPlan) -> String {
        var lines = ["\(plan.migration.folder) is recorded otherwise than its files are now:"]
        if let name = plan.recordedName { lines += difference("name", name, plan.migration.name, indent: "  ") }
        for step in plan.steps {
            let (now, record) = (step.step, step.record)
            lines.append("  step \(now.ordinal), \(now.file.path)")
            if record.stepName != now.name { lines += difference("name", record.stepName, now.name) }
            if record.checksum != now.file.checksum {
                lines += difference("text", "\(record.checksum)", "\(now.file.checksum)")
            }
            let releases = [record.requiredRelease, now.options.requiredRelease].map { $0.map(String.init) ?? "none" }
            if releases[0] != releases[1] { lines += difference("requires-release", releases[0], releases[1]) }
        }
        let edited = Set(plan.steps.filter { $0.record.checksum != $0.step.file.checksum }.map(\.step.file.path))
        if !edited.isEmpty {
            lines.append("The history keeps checksums, not texts. What was edited is for version control to say:")
            lines += edited.sorted().map { "  git log -p -- \($0)" }
        }
        return lines.joined(separator: "\n")
    }

    /// What was done.
    static func result(_ plan: RepairPlan, _ style: TextStyle) -> String {
        guard !plan.isEmpty else { return "nothing to do: the history says what the files say" }
        let what = style.paint("recorded \(plan.migration.folder) as its files are now", .green)
        return "\(what); nothing was run, and \"migrate drift\" tells whether the schema is what they make"
    }

    private static func difference(_ what: String, _ was: String, _ now: String, indent: String = "    ") -> [String] {
        ["\(indent)\(what)", "\(indent)  recorded  \(was)", "\(indent)  now       \(now)"]
    }
}
