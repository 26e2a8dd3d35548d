import Postgres
public import VMMModel

/// What committing an update of an instance came to.
public enum CommitOutcome: Hashable, Sendable {
    /// The runtime state was written and the lock given back, by this call.
    case committed(before: Instance)

    /// An earlier run of the same action has committed: the lock has moved on, and the state is at least as new.
    case alreadyCommitted(now: Instance)

    /// The lock is held, and the state moved on under it: what was to be written is out of date.
    ///
    /// The lock is still held; the update has to be worked out again, or the lock given back.
    case conflict(now: Instance)

    /// The lock was lost, and is held by this one; it may be the same updater's, taken at another time.
    case lockedByAnother(UpdaterLock, now: Instance)

    /// The lock was lost, and nobody holds it; nothing was written.
    case notLocked(now: Instance)

    /// The instance is marked deleted; nothing was written.
    case deleted(now: Instance)

    /// What a row means that was found and not written.
    ///
    /// - Parameters:
    ///   - found: The row as it is.
    ///   - lock: The lock under which the update was made.
    ///   - runtime: What was to be written.
    init(notWritten found: Instance, _ lock: UpdaterLock, _ runtime: InstanceRuntimeState) {
        let isAsNew = found.runtime.generation >= runtime.generation
        let lockHasMovedOn = found.updaterGeneration != lock.generation
        if found.timeDeleted != nil {
            self = .deleted(now: found)
        } else if isAsNew, lockHasMovedOn {
            self = .alreadyCommitted(now: found)
        } else if isAsNew, found.updaterID == lock.updaterID {
            self = .conflict(now: found)
        } else if let holder = UpdaterLock(of: found) {
            self = .lockedByAnother(holder, now: found)
        } else {
            self = .notLocked(now: found)
        }
    }
}

extension Datastore {
    private typealias Commit = (lock: UpdaterLock, runtime: InstanceRuntimeState, intent: InstanceIntendedState?)

    private static let commitment = RowChange<Instance, Commit>(
        set: InstanceRuntimeState.columns.map { "\($0.name) = $?" }.joined(separator: ", ")
            + ", intended_state = coalesce($?, found.intended_state), updater_id = NULL, updater_gen = found.updater_gen + 1",
        when: """
            found.time_deleted IS NULL AND found.updater_id = $? AND found.updater_gen = $?
            AND found.state_generation < $?
            """,
        binding: InstanceRuntimeState.columns.map { column in Parameter(column.parameter) { $0.runtime } } + [
            Parameter { $0.intent }, Parameter { $0.lock.updaterID }, Parameter { $0.lock.generation },
            Parameter { $0.runtime.generation },
        ]
    )

    /// Writes what an update under an updater lock came to, and gives the lock back, in one statement.
    ///
    /// - Parameters:
    ///   - lock: The lock, as it was taken or inherited.
    ///   - runtime: The instance's new runtime state, of the generation after the one that was read under the lock.
    ///   - intent: What the instance is meant to be from now on; `nil` leaves that as it is.
    /// - Returns: What happened; calling again after a lost answer gives ``CommitOutcome/alreadyCommitted(now:)``.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such instance; `invalidRow`, with
    ///   ``DatastoreError/wasApplied``. `PostgresError`.
    public func commitUpdate(
        under lock: UpdaterLock,
        runtime: InstanceRuntimeState,
        intent: InstanceIntendedState? = nil
    ) async throws -> CommitOutcome {
        let (wasWritten, found) = try await Self.commitment.run(lock.instanceID, (lock, runtime, intent), on: pool)
        return wasWritten ? .committed(before: found) : CommitOutcome(notWritten: found, lock, runtime)
    }
}
