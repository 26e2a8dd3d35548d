import Postgres
public import VMMModel

/// What linking a live migration to its instance came to.
public enum SetLiveMigrationOutcome: Hashable, Sendable {
    /// The instance was linked by this call; this is what it was before.
    case set(before: Instance)

    /// The instance is linked to exactly these already; its generation stays.
    case alreadySet(now: Instance)

    /// The instance cannot move now; nothing was written.
    case refused(LiveMigrationRefusal, now: Instance)

    /// The instance is marked deleted; nothing was written.
    case deleted(now: Instance)
}

/// Why an instance cannot move.
public enum LiveMigrationRefusal: Hashable, Sendable {
    /// The source is not the instance's active VMM.
    case sourceIsNotActive

    /// The source's row is missing, marked deleted, or that of another instance.
    case sourceIsNotLive

    /// The guest does not run: the source is in this state, and it takes `running` or `rebooting`.
    case sourceIsNotRunning(VMMState)

    /// The instance is linked to another live migration, which has not failed on both sides, or whose target VMM was not
    /// unwound.
    case anotherLiveMigration
}

/// What unlinking a live migration from its instance came to.
public enum UnsetLiveMigrationOutcome: Hashable, Sendable {
    /// The instance was unlinked by this call; this is what it was before.
    case unset(before: Instance)

    /// The instance is linked to others, or to none; nothing was written.
    case notSet(now: Instance)

    /// The instance is marked deleted; nothing was written.
    case deleted(now: Instance)
}

extension Datastore {
    /// Links a live migration and its target VMM to the instance that is to move.
    ///
    /// The instance's active VMM must be the source, live, and running or rebooting; and the instance must not be linked
    /// to another live migration, unless that one never got anywhere: failed on both sides, its target VMM unwound.
    /// All of this holds at the moment of the change: instance and source are locked.
    ///
    /// - Parameters:
    ///   - id: The live migration.
    ///   - instanceID: The instance.
    ///   - source: The VMM that it leaves.
    ///   - target: The VMM that it goes to.
    ///   - time: When it is linked.
    /// - Returns: What happened; calling again answers ``SetLiveMigrationOutcome/alreadySet(now:)``.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such instance; `invalidRow`. `GenerationError` when the
    ///   instance has the last generation there is. `PostgresError`.
    public func setLiveMigration(
        _ id: LiveMigrationID,
        of instanceID: InstanceID,
        from source: VMMID,
        to target: VMMID,
        at time: Timestamp = .now()
    ) async throws -> SetLiveMigrationOutcome {
        try await pool.withTransaction(retry: .standard) { connection, _ in
            // Locked first and read by the next statement, whose snapshot is younger than the locks.
            try await connection.query("SELECT FROM instance WHERE id = \(instanceID) FOR NO KEY UPDATE")
            try await connection.query("SELECT FROM vmm WHERE id = \(source) FOR SHARE")
            let snapshot = try await Self.snapshot(of: instanceID, includingDeleted: true, on: connection)
            let instance = snapshot.instance
            if instance.timeDeleted != nil { return .deleted(now: instance) }
            if let refusal = snapshot.refusal(ofMoveFrom: source) { return .refused(refusal, now: instance) }
            var runtime = instance.runtime
            if (runtime.liveMigrationID, runtime.targetVMMID) == (id, target) { return .alreadySet(now: instance) }
            guard snapshot.canTakeLiveMigration else { return .refused(.anotherLiveMigration, now: instance) }
            runtime.liveMigrationID = id
            runtime.targetVMMID = target
            runtime.generation = try runtime.generation.next()
            runtime.timeUpdated = time
            let outcome = try await GuardedUpdate.instanceRuntime.run(instanceID, to: runtime, on: connection)
            // Under the lock nobody else can have written.
            guard case .updated(let before) = outcome else {
                throw PostgresError(.unexpectedResult, "the instance \(instanceID) changed under its lock")
            }
            return .set(before: before)
        }
    }

    /// Unlinks a live migration and its target VMM from their instance, if they are linked to it.
    ///
    /// - Returns: What happened.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such instance; `invalidRow`. `GenerationError` when the
    ///   instance has the last generation there is. `PostgresError`.
    public func unsetLiveMigration(
        _ id: LiveMigrationID,
        of instanceID: InstanceID,
        to target: VMMID,
        at time: Timestamp = .now()
    ) async throws -> UnsetLiveMigrationOutcome {
        let instance = try await fetchInstance(instanceID, includingDeleted: true)
        return try await GuardedUpdate.instanceRuntime.settle(instance, on: pool) { instance in
            if instance.timeDeleted != nil { return .settled(.deleted(now: instance)) }
            var runtime = instance.runtime
            guard (runtime.liveMigrationID, runtime.targetVMMID) == (id, target) else {
                return .settled(.notSet(now: instance))
            }
            runtime.liveMigrationID = nil
            runtime.targetVMMID = nil
            runtime.generation = try runtime.generation.next()
            runtime.timeUpdated = time
            return .write(runtime, .unset(before: instance))
        }
    }
}

extension InstanceSnapshot {
    /// Why the instance cannot leave a VMM; `nil` when it can.
    func refusal(ofMoveFrom source: VMMID) -> LiveMigrationRefusal? {
        guard instance.runtime.activeVMMID == source else { return .sourceIsNotActive }
        guard let vmm = activeVMM, vmm.timeDeleted == nil, vmm.instanceID == instance.id else {
            return .sourceIsNotLive
        }
        switch vmm.runtime.state {
        case .running, .rebooting: return nil
        case let state: return .sourceIsNotRunning(state)
        }
    }

    /// Whether the instance is linked to no live migration, or to one that never got anywhere.
    var canTakeLiveMigration: Bool {
        let runtime = instance.runtime
        if runtime.liveMigrationID == nil, runtime.targetVMMID == nil { return true }
        return targetVMM?.runtime.state == .sagaUnwound && liveMigration?.source.state == .failed
            && liveMigration?.target.state == .failed
    }
}
