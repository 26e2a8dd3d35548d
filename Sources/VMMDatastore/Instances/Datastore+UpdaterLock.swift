import Postgres
public import VMMModel

extension Datastore {
    private static let locking = RowChange<Instance, UpdaterID>(
        set: "updater_id = $?, updater_gen = found.updater_gen + 1",
        when: "found.time_deleted IS NULL AND found.updater_id IS NULL",
        binding: [Parameter { $0 }]
    )

    private static let inheriting = RowChange<Instance, (parent: UpdaterLock, child: UpdaterID)>(
        set: "updater_id = $?, updater_gen = found.updater_gen + 1",
        when: "found.time_deleted IS NULL AND found.updater_id = $? AND found.updater_gen = $?",
        binding: [Parameter { $0.child }, Parameter { $0.parent.updaterID }, Parameter { $0.parent.generation }]
    )

    private static let unlocking = RowChange<Instance, UpdaterLock>(
        set: "updater_id = NULL, updater_gen = found.updater_gen + 1",
        when: "found.time_deleted IS NULL AND found.updater_id = $? AND found.updater_gen = $?",
        binding: [Parameter { $0.updaterID }, Parameter { $0.generation }]
    )

    /// Takes an instance's updater lock, unless another updater holds it.
    ///
    /// An updater that holds it already gets the same lock again, at the same generation.
    ///
    /// ```swift
    /// guard case .locked(let lock) = try await datastore.lock(id, for: me) else { return }
    /// let snapshot = try await datastore.fetchSnapshot(of: id)
    /// ```
    /// - Returns: What happened; never ``LockOutcome/notHeld(now:)``.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such instance; `invalidRow`. `PostgresError`.
    public func lock(_ id: InstanceID, for updater: UpdaterID) async throws -> LockOutcome {
        let (wasWritten, instance) = try await Self.locking.run(id, updater, on: pool)
        return LockOutcome(wasWritten, instance, updater)
    }

    /// Passes an updater lock on to another updater.
    ///
    /// Calling again is safe: the new holder gets the same lock.
    ///
    /// - Parameters:
    ///   - parent: The lock as its present holder has it.
    ///   - child: Who is to hold it.
    /// - Returns: What happened.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such instance; `invalidRow`. `PostgresError`.
    public func inherit(_ parent: UpdaterLock, by child: UpdaterID) async throws -> LockOutcome {
        let (wasWritten, instance) = try await Self.inheriting.run(parent.instanceID, (parent, child), on: pool)
        return LockOutcome(wasWritten, instance, child)
    }

    /// Gives an updater lock back.
    ///
    /// - Returns: What happened.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such instance; `invalidRow`. `PostgresError`.
    public func unlock(_ lock: UpdaterLock) async throws -> UnlockOutcome {
        let (wasWritten, instance) = try await Self.unlocking.run(lock.instanceID, lock, on: pool)
        return UnlockOutcome(wasWritten, instance, lock)
    }
}

extension LockOutcome {
    /// What the row means that was found, for who wants to hold the lock.
    fileprivate init(_ wasWritten: Bool, _ found: Instance, _ updater: UpdaterID) {
        if wasWritten {
            // The row was found as it was before; writing it made this the next generation.
            let lock = UpdaterLock(
                instanceID: found.id,
                updaterID: updater,
                generation: found.updaterGeneration + 1
            )
            self = .locked(lock)
        } else if found.timeDeleted != nil {
            self = .deleted(now: found)
        } else if let lock = UpdaterLock(of: found) {
            self = lock.updaterID == updater ? .locked(lock) : .held(by: lock)
        } else {
            self = .notHeld(now: found)
        }
    }
}

extension UnlockOutcome {
    /// What the row means that was found, for who wants to give the lock back.
    fileprivate init(_ wasWritten: Bool, _ found: Instance, _ lock: UpdaterLock) {
        if wasWritten {
            self = .unlocked(before: found)
        } else if found.timeDeleted != nil {
            self = .deleted(now: found)
        } else if let other = UpdaterLock(of: found) {
            self = other.updaterID == lock.updaterID ? .heldAgain(other) : .notHeld(now: found)
        } else {
            let (next, _) = lock.generation.addingReportingOverflow(1)
            self = found.updaterGeneration == next ? .alreadyUnlocked(now: found) : .notHeld(now: found)
        }
    }
}
