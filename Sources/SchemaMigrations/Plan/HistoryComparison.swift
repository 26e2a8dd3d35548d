/// Files and history side by side, version by version: what plans and status reports are made of.
struct HistoryComparison {
    enum StepState: Equatable {
        case pending
        case applied(HistoryRecord)
        /// Applied, but not with the text that the file has now.
        case changed(HistoryRecord)
        /// Begun.
        case intent(HistoryRecord)
        /// Applied, and the file is gone.
        case missing(HistoryRecord)
    }

    struct StepEntry {
        let name: String
        let kind: StepKind.Label
        let checksum: Checksum
        let state: StepState
        /// The step as the files have it; `nil` if its file is gone.
        let step: MigrationStep?
    }

    enum EntryState: Equatable {
        case applied
        case pending
        case partial
        case changed
        case missing
        case outOfOrder
    }

    struct Entry {
        let version: MigrationVersion
        let name: String
        let phase: MigrationPhase
        /// The migration as the files have it; `nil` if its folder is gone.
        let migration: Migration?
        let steps: [StepEntry]
        let state: EntryState
    }

    /// Every version of files and history, ascending.
    private(set) var entries: [Entry] = []
    private(set) var findings: [MigrationFinding] = []
    /// The newest version of which anything has been recorded.
    let newestBegun: MigrationVersion?
    private let allowsOutOfOrder: Bool

    init(source: MigrationSource, history: MigrationHistory, allowsOutOfOrder: Bool = false) {
        self.allowsOutOfOrder = allowsOutOfOrder
        let recorded = Dictionary(grouping: history.records, by: \.version).mapValues(RecordedMigration.init)
        let newestBegun = recorded.keys.max()
        self.newestBegun = newestBegun
        let gone = recorded.filter { source[$0.key] == nil }.sorted { $0.key < $1.key }
        var remaining = gone[...]
        for migration in source.migrations {
            while let next = remaining.first, next.key < migration.version {
                remaining.removeFirst()
                add(missing: next.value, version: next.key, latest: source.latest)
            }
            if let records = recorded[migration.version] {
                let isSuperseded = !allowsOutOfOrder && newestBegun.map { $0 > migration.version } ?? false
                compare(migration, with: records, isSuperseded: isSuperseded)
            } else {
                add(unapplied: migration)
            }
        }
        for next in remaining { add(missing: next.value, version: next.key, latest: source.latest) }
    }

    /// Whether anything forbids to plan.
    var isBlocked: Bool { findings.contains(where: \.isBlocking) }

    // MARK: Versions that only one side knows

    private mutating func add(unapplied migration: Migration) {
        let isOutOfOrder = newestBegun.map { migration.version < $0 } ?? false
        if isOutOfOrder, let newest = newestBegun {
            findings.append(.outOfOrder(migration, newest: newest, isAllowed: allowsOutOfOrder))
        }
        let steps = migration.steps.map { step in
            StepEntry(name: step.name, kind: step.kind.label, checksum: step.file.checksum, state: .pending, step: step)
        }
        append(migration, steps, isOutOfOrder ? .outOfOrder : .pending)
    }

    private mutating func add(missing records: RecordedMigration, version: MigrationVersion, latest: MigrationVersion?)
    {
        guard let last = records.last else { return }
        let isAhead = latest.map { version > $0 } ?? true
        findings.append(isAhead ? .ahead(last, latest: latest) : .missingMigration(last))
        let steps = records.ordered.map { record in
            StepEntry(
                name: record.stepName,
                kind: record.kind,
                checksum: record.checksum,
                state: .missing(record),
                step: nil
            )
        }
        entries.append(
            Entry(
                version: version,
                name: last.migrationName,
                phase: last.phase,
                migration: nil,
                steps: steps,
                state: .missing
            )
        )
    }

    private mutating func append(_ migration: Migration, _ steps: [StepEntry], _ state: EntryState) {
        entries.append(
            Entry(
                version: migration.version,
                name: migration.name,
                phase: migration.phase,
                migration: migration,
                steps: steps,
                state: state
            )
        )
    }

    // MARK: Versions that both sides know

    private mutating func compare(_ migration: Migration, with records: RecordedMigration, isSuperseded: Bool) {
        if let last = records.last, last.migrationName != migration.name {
            findings.append(.renamed(migration, from: last))
        }
        var steps: [StepEntry] = []
        for step in migration.steps {
            let state = compare(step, of: migration, with: records, isSuperseded: isSuperseded)
            steps.append(
                StepEntry(
                    name: step.name,
                    kind: step.kind.label,
                    checksum: step.file.checksum,
                    state: state,
                    step: step
                )
            )
        }
        for record in records.ordered where record.outcome == .applied && record.stepOrdinal > migration.steps.count {
            findings.append(.missingFile(record, in: migration))
            steps.append(
                StepEntry(
                    name: record.stepName,
                    kind: record.kind,
                    checksum: record.checksum,
                    state: .missing(record),
                    step: nil
                )
            )
        }
        append(migration, steps, Self.state(of: steps))
    }

    private mutating func compare(
        _ step: MigrationStep,
        of migration: Migration,
        with records: RecordedMigration,
        isSuperseded: Bool
    ) -> StepState {
        guard let record = records.applied[step.ordinal] else {
            if isSuperseded || records.isComplete || step.ordinal < records.lastApplied {
                findings.append(.addedStep(step, in: migration))
            }
            guard let intent = records.intents[step.ordinal] else { return .pending }
            if intent.checksum != step.file.checksum { findings.append(.editedIntent(step, intent)) }
            return .intent(intent)
        }
        guard record.checksum.algorithm == Checksum.currentAlgorithm else {
            findings.append(.unknownChecksum(step, record))
            return .changed(record)
        }
        guard record.checksum == step.file.checksum else {
            let origin = migration.steps.first { $0.file.checksum == record.checksum }
            findings.append(origin.map { .moved(record, to: $0) } ?? .edited(step, of: migration, record))
            return .changed(record)
        }
        if record.stepName != step.name { findings.append(.renamed(step, from: record)) }
        return .applied(record)
    }

    private static func state(of steps: [StepEntry]) -> EntryState {
        var isWhole = true
        for step in steps {
            switch step.state {
            case .changed, .missing: return .changed
            case .pending, .intent: isWhole = false
            case .applied: break
            }
        }
        return isWhole ? .applied : .partial
    }
}

/// The records of one version.
struct RecordedMigration {
    private(set) var applied: [Int: HistoryRecord] = [:]
    private(set) var intents: [Int: HistoryRecord] = [:]

    init(_ records: [HistoryRecord]) {
        for record in records {
            switch record.outcome {
            case .applied: applied[record.stepOrdinal] = record
            case .intent: intents[record.stepOrdinal] = record
            }
        }
    }

    /// One record for each step, by ordinal.
    var ordered: [HistoryRecord] {
        applied.merging(intents) { done, _ in done }.values.sorted { $0.stepOrdinal < $1.stepOrdinal }
    }

    /// The record of the last step that was begun.
    var last: HistoryRecord? { ordered.last }

    /// The ordinal of the last step that is applied; 0 if none is.
    var lastApplied: Int { applied.keys.max() ?? 0 }

    /// Whether the last step that the migration had at the time is applied.
    var isComplete: Bool { applied[lastApplied].map { $0.stepCount <= lastApplied } ?? false }
}
