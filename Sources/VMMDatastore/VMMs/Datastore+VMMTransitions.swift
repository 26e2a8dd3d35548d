import Postgres
public import VMMModel

/// What recording a failure came to.
public enum MarkFailedOutcome: Hashable, Sendable {
    /// The VMM was marked failed by this call; this is what it was before.
    case marked(before: VMM)

    /// The VMM has failed already, and keeps the reason that is recorded.
    ///
    /// This is also what a retry gets whose first answer was lost.
    case alreadyFailed(now: VMM)

    /// The VMM was destroyed, or unwound before it ran: it has ended, and that it is gone is no failure.
    case ended(now: VMM)

    /// The row is marked deleted; nothing was written.
    case deleted(now: VMM)

    /// The row that the outcome tells of: before the change where there was one, otherwise as it is.
    public var row: VMM {
        switch self {
        case .marked(let row), .alreadyFailed(let row), .ended(let row), .deleted(let row): row
        }
    }
}

/// What marking a VMM unwound came to.
public enum MarkUnwoundOutcome: Hashable, Sendable {
    /// The VMM was marked unwound by this call; this is what it was before.
    ///
    /// A VMM that had failed has lost its reason, which ``replacedFailure`` still has.
    case marked(before: VMM)

    /// The VMM is unwound already; its generation stays.
    case alreadyUnwound(now: VMM)

    /// The row is marked deleted; nothing was written.
    case deleted(now: VMM)

    /// Why the VMM had failed, when this call replaced a failure.
    public var replacedFailure: VMMFailureReason? {
        if case .marked(let before) = self { before.runtime.state.failureReason } else { nil }
    }
}

extension Datastore {
    /// Records that a VMM was found failed, unless a failure is recorded already.
    ///
    /// Works from the row as it is, not from what the caller saw: when the row moves meanwhile, it is judged again. The
    /// generation after the row's is written, by the guarded update, so a sled-agent's newer report wins as always.
    ///
    /// ```swift
    /// if case .failed(let reason) = observation.conclusion {
    ///     switch try await datastore.markFailed(id, reason: reason) {
    ///     case .marked: startUpdate()
    ///     case .alreadyFailed(let now): print("known:", now.runtime.state)
    ///     case .ended, .deleted: break
    ///     }
    /// }
    /// ```
    /// - Parameters:
    ///   - id: The VMM.
    ///   - reason: What follows from the observation; see `VMMObservation`.
    ///   - time: When it was found.
    /// - Returns: What happened.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such VMM, not even a deleted one; `invalidRow`.
    ///   `GenerationError` when the row has the last generation there is. `PostgresError`.
    public func markFailed(
        _ id: VMMID,
        reason: VMMFailureReason,
        at time: Timestamp = .now()
    ) async throws -> MarkFailedOutcome {
        let vmm = try await fetchVMM(id, includingDeleted: true)
        return try await GuardedUpdate.vmmRuntime.settle(vmm, on: pool) { vmm in
            if vmm.timeDeleted != nil { return .settled(.deleted(now: vmm)) }
            switch vmm.runtime.state {
            case .failed: return .settled(.alreadyFailed(now: vmm))
            case .destroyed, .sagaUnwound: return .settled(.ended(now: vmm))
            case .creating, .starting, .running, .stopping, .stopped, .rebooting, .migrating:
                let failed = try vmm.runtime.transition(to: .failed(reason), at: time)
                return .write(failed, .marked(before: vmm))
            }
        }
    }

    /// Marks a VMM as left behind by a saga that was unwound, whatever its state, even failed.
    ///
    /// Only the saga that made the VMM may call this. Calling again changes nothing.
    ///
    /// - Parameters:
    ///   - id: The VMM.
    ///   - time: When the saga was unwound.
    /// - Returns: What happened; ``MarkUnwoundOutcome/replacedFailure`` tells of a reason that was given up.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such VMM, not even a deleted one; `invalidRow`.
    ///   `GenerationError` when the row has the last generation there is. `PostgresError`.
    public func markSagaUnwound(_ id: VMMID, at time: Timestamp = .now()) async throws -> MarkUnwoundOutcome {
        let vmm = try await fetchVMM(id, includingDeleted: true)
        return try await GuardedUpdate.vmmRuntime.settle(vmm, on: pool) { vmm in
            if vmm.timeDeleted != nil { return .settled(.deleted(now: vmm)) }
            if vmm.runtime.state == .sagaUnwound { return .settled(.alreadyUnwound(now: vmm)) }
            return .write(try vmm.runtime.transition(to: .sagaUnwound, at: time), .marked(before: vmm))
        }
    }
}
