/// What `migrate status` reports, in the shape of its JSON.
///
/// Fields that have no value are written as `null`, so that every object has the same fields always.
public struct MigrationStatus: Sendable, Equatable, Codable {
    /// Where the database stands.
    public let state: MigrationState
    /// The newest version that is applied completely.
    public let current: Int64?
    /// The newest version among the files.
    public let latest: Int64?
    /// Every version of files and history, ascending.
    public let migrations: [MigrationReport]
    /// The services that run and could not live with something that is not applied yet.
    public let servicesInTheWay: [RegisteredService]

    /// One migration.
    public struct MigrationReport: Sendable, Equatable, Codable {
        /// Its version.
        public let version: Int64
        /// Its name.
        public let name: String
        /// Its phase.
        public let phase: MigrationPhase
        /// How files and history agree about it.
        public let state: ReportState
        /// When its last step was done, if all are.
        public let appliedAt: String?
        /// How long its applied steps took together, in milliseconds.
        public let durationMS: Int64?
        /// Its steps.
        public let steps: [StepReport]

        private enum CodingKeys: String, CodingKey {
            case version
            case name
            case phase
            case state
            case appliedAt = "applied_at"
            case durationMS = "duration_ms"
            case steps
        }

        /// Writes every field, `null` where there is no value.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(version, forKey: .version)
            try container.encode(name, forKey: .name)
            try container.encode(phase, forKey: .phase)
            try container.encode(state, forKey: .state)
            try container.encode(appliedAt, forKey: .appliedAt)
            try container.encode(durationMS, forKey: .durationMS)
            try container.encode(steps, forKey: .steps)
        }
    }

    /// One step.
    public struct StepReport: Sendable, Equatable, Codable {
        /// Its name.
        public let name: String
        /// How it runs.
        public let kind: StepKind.Label
        /// How file and history agree about it.
        public let state: ReportState
        /// The file's checksum; of a file that is gone, the recorded one.
        public let checksum: String
        /// When it was done.
        public let appliedAt: String?
        /// How long it took, in milliseconds.
        public let durationMS: Int64?
        /// How many rows it changed, where that is known.
        public let rows: Int64?

        private enum CodingKeys: String, CodingKey {
            case name
            case kind
            case state
            case checksum
            case appliedAt = "applied_at"
            case durationMS = "duration_ms"
            case rows
        }

        /// Writes every field, `null` where there is no value.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .name)
            try container.encode(kind, forKey: .kind)
            try container.encode(state, forKey: .state)
            try container.encode(checksum, forKey: .checksum)
            try container.encode(appliedAt, forKey: .appliedAt)
            try container.encode(durationMS, forKey: .durationMS)
            try container.encode(rows, forKey: .rows)
        }
    }

    /// How files and history agree about a migration or a step.
    public enum ReportState: String, Sendable, Hashable, Codable, CaseIterable {
        /// Applied, as the files have it.
        case applied
        /// Not applied.
        case pending
        /// Begun.
        case partial
        /// Applied, and edited since.
        case changed
        /// Applied, and gone from the files.
        case missing
        /// Not applied, while a newer migration is.
        case outOfOrder = "out_of_order"
    }

    private enum CodingKeys: String, CodingKey {
        case state
        case current
        case latest
        case migrations
        case servicesInTheWay = "services_in_the_way"
    }

    /// Writes every field, `null` where there is no value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(state, forKey: .state)
        try container.encode(current, forKey: .current)
        try container.encode(latest, forKey: .latest)
        try container.encode(migrations, forKey: .migrations)
        try container.encode(servicesInTheWay, forKey: .servicesInTheWay)
    }
}

extension MigrationStatus {
    /// Compares files and history, and says which of the services are in the way of what is left.
    public init(
        source: MigrationSource,
        history: MigrationHistory,
        services: [RegisteredService] = [],
        allowsOutOfOrder: Bool = false
    ) {
        let comparison = HistoryComparison(source: source, history: history, allowsOutOfOrder: allowsOutOfOrder)
        state = comparison.overallState(holdsContractBack: history.holdsContractBack)
        current = comparison.current?.number
        latest = source.latest?.number
        migrations = comparison.entries.map(MigrationReport.init)
        let left =
            comparison.entries.filter { $0.state != .applied }.compactMap(\.migration?.requiredRelease).max() ?? 0
        servicesInTheWay = services.filter { $0.release < left }
    }

    /// What `status --exit-code` answers.
    public var exitCode: MigrationExitCode {
        switch state {
        case .upToDate, .contractPending: .done
        case .pending, .partial: .pending
        case .ahead: .ahead
        case .diverged: .disagreement
        }
    }
}

extension MigrationStatus.MigrationReport {
    fileprivate init(_ entry: HistoryComparison.Entry) {
        let isBegunOnly = entry.state == .partial || entry.state == .pending || entry.state == .outOfOrder
        let entries = entry.steps
        let records = entries.compactMap(\.record)
        version = entry.version.number
        name = entry.name
        phase = entry.phase
        state = MigrationStatus.ReportState(entry.state)
        appliedAt = isBegunOnly ? nil : records.compactMap(\.finishedAt).max().map(\.description)
        let durations = records.compactMap(\.durationMS)
        durationMS = durations.isEmpty ? nil : durations.reduce(0) { $0.addingReportingOverflow($1).partialValue }
        steps = entries.map(MigrationStatus.StepReport.init)
    }
}

extension MigrationStatus.StepReport {
    fileprivate init(_ entry: HistoryComparison.StepEntry) {
        name = entry.name
        kind = entry.kind
        state = MigrationStatus.ReportState(entry.state)
        checksum = entry.checksum.description
        appliedAt = entry.record?.finishedAt?.description
        durationMS = entry.record?.durationMS
        rows = entry.record?.rows
    }
}

extension MigrationStatus.ReportState {
    fileprivate init(_ state: HistoryComparison.EntryState) {
        self =
            switch state {
            case .applied: .applied
            case .pending: .pending
            case .partial: .partial
            case .changed: .changed
            case .missing: .missing
            case .outOfOrder: .outOfOrder
            }
    }

    fileprivate init(_ state: HistoryComparison.StepState) {
        self =
            switch state {
            case .applied: .applied
            case .pending: .pending
            case .intent: .partial
            case .changed: .changed
            case .missing: .missing
            }
    }
}

extension HistoryComparison.StepEntry {
    fileprivate var record: HistoryRecord? {
        switch state {
        case .pending: nil
        case .applied(let record), .changed(let record), .intent(let record), .missing(let record): record
        }
    }
}
