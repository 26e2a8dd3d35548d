/// One line of the history: a step that was applied, or one that was begun.
public struct HistoryRecord: Sendable, Hashable {
    /// What is known about the step.
    public enum Outcome: String, Sendable, Hashable, Codable, CaseIterable {
        /// It is done and committed.
        case applied
        /// It was begun outside a transaction or in batches, and nobody has written yet that it is done.
        case intent
    }

    /// The migration's version.
    public let version: MigrationVersion
    /// The migration's name when the step ran.
    public let migrationName: String
    /// The migration's phase when the step ran.
    public let phase: MigrationPhase
    /// The step's place in its migration, counted from 1.
    public let stepOrdinal: Int
    /// How many steps the migration had when the step ran; tells a migration that was interrupted from one to which
    /// a step was added later.
    public let stepCount: Int
    /// The step's name when it ran.
    public let stepName: String
    /// How the step ran.
    public let kind: StepKind.Label
    /// The file's fingerprint when the step ran.
    public let checksum: Checksum
    /// What is known about the step.
    public let outcome: Outcome
    /// When it began.
    public let startedAt: MigrationTime
    /// When it was done; `nil` for an intent.
    public let finishedAt: MigrationTime?
    /// How long it took, in milliseconds; `nil` for an intent.
    public let durationMS: Int64?
    /// How many rows it changed, where that is known.
    public let rows: Int64?
    /// The oldest release of a service that can live with the step, as its file said; `nil` when every one can.
    public let requiredRelease: Int32?

    /// Creates a record.
    public init(
        version: MigrationVersion,
        migrationName: String,
        phase: MigrationPhase,
        stepOrdinal: Int,
        stepCount: Int,
        stepName: String,
        kind: StepKind.Label,
        checksum: Checksum,
        outcome: Outcome,
        startedAt: MigrationTime,
        finishedAt: MigrationTime? = nil,
        durationMS: Int64? = nil,
        rows: Int64? = nil,
        requiredRelease: Int32? = nil
    ) {
        self.version = version
        self.migrationName = migrationName
        self.phase = phase
        self.stepOrdinal = stepOrdinal
        self.stepCount = stepCount
        self.stepName = stepName
        self.kind = kind
        self.checksum = checksum
        self.outcome = outcome
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.durationMS = durationMS
        self.rows = rows
        self.requiredRelease = requiredRelease
    }
}

/// What the database remembers of its migrations.
public struct MigrationHistory: Sendable, Equatable {
    /// The records, in any order.
    ///
    /// Of several for one step, an applied one counts more than an intent.
    public let records: [HistoryRecord]
    /// Whether the run that found the database empty has not reached its end.
    ///
    /// Such a run applies everything, contract migrations too; when it was killed, the next one must go on in the
    /// same way, although there is a history by now.
    public let isInitialRunUnfinished: Bool

    /// Creates a history; empty by default.
    public init(_ records: [HistoryRecord] = [], isInitialRunUnfinished: Bool = false) {
        self.records = records
        self.isInitialRunUnfinished = isInitialRunUnfinished
    }

    /// Whether contract migrations must wait to be asked for: services may be at work on this database.
    var holdsContractBack: Bool { !records.isEmpty && !isInitialRunUnfinished }
}
