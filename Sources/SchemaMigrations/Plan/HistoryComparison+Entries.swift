extension HistoryComparison {
    /// One version, in files, history or both.
    struct Entry {
        let version: MigrationVersion
        let name: String
        let phase: MigrationPhase
        /// The migration as the files have it; `nil` if its folder is gone.
        let migration: Migration?
        /// What the history has of it; `nil` if nothing was begun.
        let records: RecordedMigration?
        let state: EntryState

        /// Its steps, made when asked for: of a version that is applied nobody asks.
        var steps: [StepEntry] {
            guard let migration else { return (records?.steps ?? []).map(StepEntry.init(missing:)) }
            let known = migration.steps.map { StepEntry($0, StepState(of: $0, records)) }
            return known + (records?.applied(after: known.count) ?? []).map(StepEntry.init(missing:))
        }
    }

    enum EntryState: Equatable {
        case applied
        case pending
        case partial
        case changed
        case missing
        case outOfOrder

        /// The state of a migration that was begun, with one more of its steps.
        func including(_ step: StepState) -> EntryState {
            switch step {
            case .changed, .missing: .changed
            case .pending, .intent: self == .applied ? .partial : self
            case .applied: self
            }
        }
    }

    struct StepEntry {
        let name: String
        let kind: StepKind.Label
        let checksum: Checksum
        let state: StepState
        /// The step as the files have it; `nil` if its file is gone.
        let step: MigrationStep?
    }

    enum StepState: Equatable {
        case pending
        case applied(HistoryRecord)
        /// Applied, but not with the text that the file has now.
        case changed(HistoryRecord)
        /// Begun.
        case intent(HistoryRecord)
        /// Applied, and the file is gone.
        case missing(HistoryRecord)

        /// What the records say about a step of the files.
        init(of step: MigrationStep, _ records: RecordedMigration?) {
            guard let record = records?[step.ordinal] else {
                self = .pending
                return
            }
            switch record.outcome {
            case .intent: self = .intent(record)
            case .applied: self = record.checksum == step.file.checksum ? .applied(record) : .changed(record)
            }
        }
    }
}

extension HistoryComparison.Entry {
    /// A migration of the files.
    init(_ migration: Migration, _ records: RecordedMigration?, _ state: HistoryComparison.EntryState) {
        self.init(
            version: migration.version,
            name: migration.name,
            phase: migration.phase,
            migration: migration,
            records: records,
            state: state
        )
    }
}

extension HistoryComparison.StepEntry {
    /// A step of the files.
    init(_ step: MigrationStep, _ state: HistoryComparison.StepState) {
        self.init(name: step.name, kind: step.kind.label, checksum: step.file.checksum, state: state, step: step)
    }

    /// A step whose file is gone.
    init(missing record: HistoryRecord) {
        self.init(
            name: record.stepName,
            kind: record.kind,
            checksum: record.checksum,
            state: .missing(record),
            step: nil
        )
    }
}
