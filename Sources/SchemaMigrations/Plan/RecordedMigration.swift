/// The records of one version.
struct RecordedMigration {
    /// The version, as its first record spells it.
    let version: MigrationVersion
    /// One record for each step that was begun, by ordinal; never empty.
    let steps: ArraySlice<HistoryRecord>

    /// The step's record, if it was begun.
    subscript(ordinal: Int) -> HistoryRecord? {
        steps.first { $0.stepOrdinal == ordinal }
    }

    /// The records of applied steps beyond so many.
    func applied(after count: Int) -> [HistoryRecord] {
        steps.filter { $0.outcome == .applied && $0.stepOrdinal > count }
    }

    /// The record of the last step that was begun.
    var last: HistoryRecord? { steps.last }

    /// The ordinal of the last step that is applied; 0 if none is.
    var lastApplied: Int { lastAppliedStep?.stepOrdinal ?? 0 }

    /// Whether the last step that the migration had at the time is applied.
    var isComplete: Bool { lastAppliedStep.map { $0.stepCount <= $0.stepOrdinal } ?? false }

    private var lastAppliedStep: HistoryRecord? { steps.last { $0.outcome == .applied } }
}

extension MigrationHistory {
    /// What is recorded of each version, ascending.
    var migrations: [RecordedMigration] {
        let records = recordsByStep
        var migrations: [RecordedMigration] = []
        migrations.reserveCapacity(records.count)
        var start = 0
        while start < records.count {
            let version = records[start].version
            var end = start + 1
            while end < records.count, records[end].version == version { end += 1 }
            migrations.append(RecordedMigration(version: version, steps: records[start..<end]))
            start = end
        }
        return migrations
    }

    /// One record for each step, by version and ordinal: of several the last, an applied one rather than an intent.
    private var recordsByStep: [HistoryRecord] {
        // The database has one for each, and gives them in this order.
        let isInOrder = records.indices.dropFirst().allSatisfy { records[$0 - 1].precedes(records[$0]) }
        guard !isInOrder else { return records }
        var chosen: [HistoryRecord] = []
        for record in records.sorted(by: { $0.precedes($1) }) {
            guard let last = chosen.last, !last.precedes(record) else {
                chosen.append(record)
                continue
            }
            if record.outcome == .applied || last.outcome == .intent { chosen[chosen.count - 1] = record }
        }
        return chosen
    }
}

extension HistoryRecord {
    /// Whether its step comes before the other's.
    fileprivate func precedes(_ other: HistoryRecord) -> Bool {
        (version.number, stepOrdinal) < (other.version.number, other.stepOrdinal)
    }
}
