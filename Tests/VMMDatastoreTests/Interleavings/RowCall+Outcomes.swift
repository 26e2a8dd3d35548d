import TestSupport
import VMMDatastore
import VMMModel

// What outcomes say about a guarded part, in the terms of histories.

extension RowCall.Answer {
    init<Row>(_ outcome: UpdateOutcome<Row>, _ version: (Row) -> RowVersion) {
        self =
            switch outcome {
            case .updated(let row): .made(before: version(row))
            case .alreadyApplied(let row): .alreadyMade(now: version(row))
            case .stale(let row): .refused(now: version(row))
            case .deleted(let row): .deleted(now: version(row))
            }
    }

    init(_ outcome: VMMDeletionOutcome) {
        self =
            switch outcome {
            case .deleted(let vmm): .made(before: RowVersion(vmm))
            case .alreadyDeleted(let vmm): .alreadyMade(now: RowVersion(vmm))
            case .notDestroyable(let vmm): .refused(now: RowVersion(vmm))
            }
    }

    init(_ outcome: MarkFailedOutcome) {
        self =
            switch outcome {
            case .marked(let vmm): .made(before: RowVersion(vmm))
            case .alreadyFailed(let vmm), .ended(let vmm): .refused(now: RowVersion(vmm))
            case .deleted(let vmm): .deleted(now: RowVersion(vmm))
            }
    }

    init(_ outcome: MarkUnwoundOutcome) {
        self =
            switch outcome {
            case .marked(let vmm): .made(before: RowVersion(vmm))
            case .alreadyUnwound(let vmm): .refused(now: RowVersion(vmm))
            case .deleted(let vmm): .deleted(now: RowVersion(vmm))
            }
    }

    /// Nil for what says nothing about the state: that the lock was lost, which nobody takes from these writers.
    init?(_ outcome: CommitOutcome, of runtime: InstanceRuntimeState) {
        switch outcome {
        case .committed(let row): self = .made(before: RowVersion(row))
        case .alreadyCommitted(let row), .conflict(let row):
            self = row.runtime == runtime ? .alreadyMade(now: RowVersion(row)) : .refused(now: RowVersion(row))
        case .deleted(let row): self = .deleted(now: RowVersion(row))
        case .lockedByAnother, .notLocked: return nil
        }
    }

    /// The newest generation that the answer tells of.
    var generation: Int64? {
        switch self {
        case .made(let version), .alreadyMade(let version), .refused(let version), .deleted(let version):
            version.generation
        case .lost: nil
        }
    }
}

// What the guard protects, written as the triggers write it.

extension VMMRuntimeState {
    var contents: String { "\(state.label) \(state.failureReason?.label ?? "-") \(timeUpdated.microsecondsSince1970)" }
}

extension LiveMigration.Side {
    var contents: String { "\(state.label) \(timeUpdated.map { "\($0.microsecondsSince1970)" } ?? "-")" }
}

extension InstanceRuntimeState {
    var contents: String {
        "\(state.kind.label) \(activeVMMID?.description ?? "-") \(timeUpdated.microsecondsSince1970)"
    }
}

extension RowVersion {
    init(_ vmm: VMM) {
        self.init(vmm.runtime.generation.rawValue, vmm.runtime.contents, isDeleted: vmm.timeDeleted != nil)
    }

    init(_ liveMigration: LiveMigration, _ side: LiveMigrationSide) {
        let part = side == .source ? liveMigration.source : liveMigration.target
        self.init(part.generation.rawValue, part.contents, isDeleted: liveMigration.timeDeleted != nil)
    }

    init(_ instance: Instance) {
        self.init(
            instance.runtime.generation.rawValue,
            instance.runtime.contents,
            isDeleted: instance.timeDeleted != nil
        )
    }
}
