import SchemaMigrations

/// What `baseline` did, in the shape of its JSON.
struct BaselineReport: Encodable, Equatable {
    let outcome: String
    @OrNull var version: Int64?
    let recorded: Int
    let differences: [DriftReport.DifferenceLine]
    let exitCode: Int32

    init(_ result: Migrator.BaselineResult) {
        switch result {
        case .recorded(let version, let migrations):
            outcome = "recorded"
            _version = OrNull(wrappedValue: version.number)
            recorded = migrations
            differences = []
            exitCode = MigrationExitCode.done.rawValue
        case .nothingToDo:
            outcome = "nothing_to_do"
            _version = OrNull(wrappedValue: nil)
            recorded = 0
            differences = []
            exitCode = MigrationExitCode.done.rawValue
        case .different(let drift):
            outcome = "different"
            _version = OrNull(wrappedValue: drift.version?.number)
            recorded = 0
            differences = drift.differences.map(DriftReport.DifferenceLine.init)
            exitCode = drift.exitCode.rawValue
        }
    }
}

/// What `baseline` did, as text.
enum BaselineText {
    static func render(_ result: Migrator.BaselineResult, _ style: TextStyle) -> String {
        switch result {
        case .recorded(let version, let migrations):
            let what = Quantity.many(migrations, "migration")
            return style.paint("recorded \(what) up to version \(version) as applied", .green)
                + "; the schema is what they make"
        case .nothingToDo:
            return "nothing to do: the history has them already"
        case .different(let drift):
            let lines = DriftText.differences(drift.differences, style)
            let version = drift.version.map(\.description) ?? ""
            let end = style.paint("nothing was recorded: the schema is not that of version \(version)", .red)
            return (lines + ["", end, "hint: mend the schema, or name the version that it has"])
                .joined(separator: "\n")
        }
    }
}
