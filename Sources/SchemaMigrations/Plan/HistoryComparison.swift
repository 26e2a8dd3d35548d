/// Files and history side by side, version by version: what plans and status reports are made of.
struct HistoryComparison {
    /// Every version of files and history, ascending.
    private(set) var entries: [Entry] = []
    private(set) var findings: [MigrationFinding] = []
    /// The newest version of which anything has been recorded.
    let newestBegun: MigrationVersion?
    private let allowsOutOfOrder: Bool

    init(source: MigrationSource, history: MigrationHistory, allowsOutOfOrder: Bool = false) {
        self.allowsOutOfOrder = allowsOutOfOrder
        let recorded = history.migrations
        newestBegun = recorded.last?.version
        entries.reserveCapacity(source.migrations.count)
        // Both sides ascend, so that walking them together finds what belongs together.
        var remaining = recorded[...]
        for migration in source.migrations {
            while let next = remaining.first, next.version < migration.version {
                remaining.removeFirst()
                add(missing: next, latest: source.latest)
            }
            if let records = remaining.first, records.version == migration.version {
                remaining.removeFirst()
                compare(migration, with: records)
            } else {
                add(unapplied: migration)
            }
        }
        for next in remaining { add(missing: next, latest: source.latest) }
    }

    /// Whether anything forbids to plan.
    var isBlocked: Bool { findings.contains(where: \.isBlocking) }

    // MARK: Versions that only one side knows

    private mutating func add(unapplied migration: Migration) {
        let isOutOfOrder = newestBegun.map { migration.version < $0 } ?? false
        if isOutOfOrder, let newest = newestBegun {
            findings.append(.outOfOrder(migration, newest: newest, isAllowed: allowsOutOfOrder))
        }
        entries.append(Entry(migration, nil, isOutOfOrder ? .outOfOrder : .pending))
    }

    private mutating func add(missing records: RecordedMigration, latest: MigrationVersion?) {
        guard let last = records.last else { return }
        let isAhead = latest.map { records.version > $0 } ?? true
        findings.append(isAhead ? .ahead(last, latest: latest) : .missingMigration(last))
        entries.append(
            Entry(
                version: records.version,
                name: last.migrationName,
                phase: last.phase,
                migration: nil,
                records: records,
                state: .missing
            )
        )
    }

    // MARK: Versions that both sides know

    private mutating func compare(_ migration: Migration, with records: RecordedMigration) {
        if let last = records.last, last.migrationName != migration.name {
            findings.append(.renamed(migration, from: last))
        }
        var state = EntryState.applied
        // In place: a step is large, and nearly always there is nothing to say about it.
        for index in migration.steps.indices {
            let found = StepState(of: migration.steps[index], records)
            add(found, migration.steps[index], of: migration, records)
            state = state.including(found)
        }
        for record in records.applied(after: migration.steps.count) {
            findings.append(.missingFile(record, in: migration))
            state = .changed
        }
        entries.append(Entry(migration, records, state))
    }

    /// Adds what there is to say about a step of a migration that was begun.
    private mutating func add(
        _ state: StepState,
        _ step: MigrationStep,
        of migration: Migration,
        _ records: RecordedMigration
    ) {
        switch state {
        case .pending: addAddedStep(step, of: migration, records)
        case .intent(let record):
            addAddedStep(step, of: migration, records)
            if record.checksum != step.file.checksum { findings.append(.editedIntent(step, record)) }
        case .changed(let record) where record.checksum.algorithm != Checksum.currentAlgorithm:
            findings.append(.unknownChecksum(step, record))
        case .changed(let record):
            let origin = migration.steps.first { $0.file.checksum == record.checksum }
            findings.append(origin.map { .moved(record, to: $0) } ?? .edited(step, of: migration, record))
        case .applied(let record) where record.stepName != step.name:
            findings.append(.renamed(step, from: record))
        case .applied, .missing: break
        }
    }

    private mutating func addAddedStep(_ step: MigrationStep, of migration: Migration, _ records: RecordedMigration) {
        let isSuperseded = !allowsOutOfOrder && newestBegun.map { $0 > migration.version } ?? false
        if isSuperseded || records.isComplete || step.ordinal < records.lastApplied {
            findings.append(.addedStep(step, in: migration))
        }
    }
}
