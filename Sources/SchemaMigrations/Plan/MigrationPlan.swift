/// How far to go.
public enum MigrationTarget: Sendable, Hashable {
    /// Everything there is, contract migrations as the phase says.
    case latest
    /// Up to this version and no further, contract migrations included.
    case version(MigrationVersion)
}

/// Which migrations may be applied when no version is asked for.
public enum PhaseSelection: String, Sendable, Hashable, Codable, CaseIterable {
    /// What the previous release survives: run before a rollout.
    case expand
    /// Everything: run after a rollout.
    case all
}

/// Where the database stands against the files.
public enum MigrationState: String, Sendable, Hashable, Codable, CaseIterable {
    /// Nothing is left to do.
    case upToDate = "up_to_date"
    /// Only contract migrations are left, and they wait to be asked for.
    case contractPending = "contract_pending"
    /// Something is left to do.
    case pending
    /// A migration was begun and is not complete.
    case partial
    /// The database has versions that are newer than the files.
    case ahead
    /// Files and history disagree.
    case diverged
}

/// One step that is to run.
public struct PlannedStep: Sendable, Equatable {
    /// How the step begins.
    public enum Beginning: Sendable, Equatable {
        /// It has not been begun.
        case fresh
        /// A statement outside a transaction was begun: find out from the catalog what became of it, first.
        case settle(HistoryRecord)
        /// A backfill was begun: go on from its cursor.
        case resumeBackfill(HistoryRecord)
        /// A backfill was begun with another text: forget its cursor and begin at the first page.
        case restartBackfill(HistoryRecord)
    }

    /// The migration that the step belongs to.
    public let migration: Migration
    /// The step.
    public let step: MigrationStep
    /// How it begins.
    public let beginning: Beginning
}

/// What a run will do, decided from values alone.
///
/// ```swift
/// let plan = try MigrationPlan.make(source: source, history: history)
/// for planned in plan.pending { print(planned.step.file.path) }
/// ```
///
/// As long as a finding blocks, nothing is pending.
public struct MigrationPlan: Sendable, Equatable {
    /// The steps to run, in order.
    public let pending: [PlannedStep]
    /// The contract migration that waits to be asked for, and everything behind it.
    public let heldBack: [Migration]
    /// In what files and history disagree, by version.
    public let findings: [MigrationFinding]
    /// The newest version that is applied completely.
    public let current: MigrationVersion?
    /// Where the database stands now, whatever the target.
    public let state: MigrationState

    /// Compares files and history and decides what is to be done.
    ///
    /// Disagreements are no errors but ``findings``. With `allowsOutOfOrder` a migration that is older than the newest
    /// applied one is pending, and the finding does not block.
    ///
    /// - Throws: ``MigrationError`` with `unknownVersion` for a target in no file, and `targetBelowCurrent` for one
    ///   that is older than what the database has; neither if a finding blocks.
    public static func make(
        source: MigrationSource,
        history: MigrationHistory,
        target: MigrationTarget = .latest,
        phase: PhaseSelection = .expand,
        allowsOutOfOrder: Bool = false
    ) throws(MigrationError) -> MigrationPlan {
        let comparison = HistoryComparison(source: source, history: history, allowsOutOfOrder: allowsOutOfOrder)
        let target = source.meant(target)
        var pending: [PlannedStep] = []
        var heldBack: [Migration] = []
        if !comparison.isBlocked {
            try check(target, source: source, newestBegun: comparison.newestBegun)
            let isHolding = phase == .expand && target == .latest && history.holdsContractBack
            for entry in comparison.entries where entry.state != .applied {
                guard let migration = entry.migration, target.includes(entry.version) else { continue }
                let isHeld = isHolding && entry.isUntouched && (migration.phase == .contract || !heldBack.isEmpty)
                if isHeld { heldBack.append(migration) } else { pending += steps(of: entry, migration) }
            }
        }
        return MigrationPlan(
            pending: pending,
            heldBack: heldBack,
            findings: comparison.findings,
            current: comparison.current,
            state: comparison.overallState(holdsContractBack: history.holdsContractBack)
        )
    }

    /// What a command answers because of the findings; `nil` if none blocks.
    public var blockingExitCode: MigrationExitCode? { findings.blockingExitCode }

    /// What a run answers after it has applied everything that is pending.
    ///
    /// Contract migrations alone at the end are not pending.
    public var exitCodeWhenApplied: MigrationExitCode {
        if let code = blockingExitCode { return code }
        return heldBack.contains { $0.phase == .expand } ? .pending : .done
    }

    /// What a check answers that applies nothing.
    public var exitCodeOfCheck: MigrationExitCode {
        if let code = blockingExitCode { return code }
        return pending.isEmpty ? exitCodeWhenApplied : .pending
    }

    private static func check(
        _ target: MigrationTarget,
        source: MigrationSource,
        newestBegun: MigrationVersion?
    ) throws(MigrationError) {
        guard case .version(let version) = target else { return }
        guard source[version] != nil else {
            let known = source.latest.map { "the newest is \($0)" } ?? "there are no migrations"
            throw MigrationError(.unknownVersion, "no migration has the version \(version); \(known)", exitCode: .usage)
        }
        if let newestBegun, version < newestBegun {
            throw MigrationError(
                .targetBelowCurrent,
                "the database is at version \(newestBegun) already, which is newer than \(version)",
                hint: "to go back: migrate down --to \(version)",
                exitCode: .usage
            )
        }
    }

    private static func steps(of entry: HistoryComparison.Entry, _ migration: Migration) -> [PlannedStep] {
        entry.steps.compactMap { compared in
            guard let step = compared.step else { return nil }
            switch compared.state {
            case .pending: return PlannedStep(migration: migration, step: step, beginning: .fresh)
            case .intent(let record):
                return PlannedStep(migration: migration, step: step, beginning: beginning(of: step, after: record))
            case .applied, .changed, .missing: return nil
            }
        }
    }

    private static func beginning(of step: MigrationStep, after record: HistoryRecord) -> PlannedStep.Beginning {
        switch (step.kind, record.kind) {
        case (.backfill, .backfill):
            record.checksum == step.file.checksum ? .resumeBackfill(record) : .restartBackfill(record)
        case (_, .noTransaction): .settle(record)
        case (.backfill, _): .restartBackfill(record)
        case (.transaction, _), (.noTransaction, _): .fresh
        }
    }
}

extension MigrationTarget {
    fileprivate func includes(_ version: MigrationVersion) -> Bool {
        switch self {
        case .latest: true
        case .version(let last): version <= last
        }
    }
}

extension HistoryComparison {
    /// The newest version that is applied completely, by files or, where these are gone, by the history.
    var current: MigrationVersion? {
        entries.last { entry in
            switch entry.state {
            case .applied, .missing: true
            case .changed: entry.steps.allSatisfy(\.isDone)
            case .pending, .partial, .outOfOrder: false
            }
        }?.version
    }

    func overallState(holdsContractBack: Bool) -> MigrationState {
        let codes = Set(findings.compactMap(\.exitCode))
        if codes.contains(.disagreement) { return .diverged }
        if codes.contains(.ahead) { return .ahead }
        if entries.contains(where: { $0.state == .partial }) { return .partial }
        let left = entries.filter(\.isUntouched)
        if left.isEmpty { return .upToDate }
        return holdsContractBack && left.allSatisfy { $0.phase == .contract } ? .contractPending : .pending
    }
}

extension HistoryComparison.Entry {
    /// Whether nothing of it has been begun.
    fileprivate var isUntouched: Bool { state == .pending || state == .outOfOrder }
}

extension MigrationSource {
    /// The target with its version as this source numbers it.
    fileprivate func meant(_ target: MigrationTarget) -> MigrationTarget {
        guard case .version(let version) = target else { return target }
        return .version(meant(version))
    }

    /// The version as this source numbers it: Flyway's 5 is another number than 5.
    func meant(_ version: MigrationVersion) -> MigrationVersion {
        guard layout == .flyway, self[version] == nil else { return version }
        return MigrationVersion(flyway: version.description) ?? version
    }
}

extension HistoryComparison.StepEntry {
    fileprivate var isDone: Bool {
        switch state {
        case .applied, .changed, .missing: true
        case .pending, .intent: false
        }
    }
}
