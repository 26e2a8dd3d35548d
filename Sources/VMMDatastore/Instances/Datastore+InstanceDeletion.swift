import Postgres
public import VMMModel

/// What deleting an instance came to.
public enum InstanceDeletionOutcome: Hashable, Sendable {
    /// The instance was deleted by this call, with so many live migrations; this is what it was before.
    case deleted(before: Instance, liveMigrations: Int)

    /// The instance was deleted earlier, at the time that the row has.
    case alreadyDeleted(now: Instance)

    /// The instance has a VMM, or is being made; nothing was written.
    case notDeletable(now: Instance)
}

extension Datastore {
    /// References to a target VMM and a live migration are dropped too: a deleted instance holds on to nothing.
    private static let instanceDeletion = RowChange<Instance, Timestamp>(
        set: """
            state = 'destroyed', time_deleted = $?, time_state_updated = $2, time_modified = $2,
            state_generation = found.state_generation + 1, target_propolis_id = NULL, migration_id = NULL
            """,
        when: "found.time_deleted IS NULL AND found.state IN ('no_vmm', 'failed')",
        binding: [Parameter { $0 }]
    )

    /// Deletes an instance that has no VMM: marks it and its live migrations deleted, in one transaction.
    ///
    /// - Returns: What happened; calling again answers ``InstanceDeletionOutcome/alreadyDeleted(now:)``.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such instance; `invalidRow`. `PostgresError`, also when
    ///   the instance has the last generation there is (SQLSTATE 22003).
    public func markDeleted(_ id: InstanceID, at time: Timestamp = .now()) async throws -> InstanceDeletionOutcome {
        try await pool.withTransaction(retry: .standard) { connection, _ in
            let (wasWritten, instance) = try await Self.instanceDeletion.run(id, time, on: connection)
            guard wasWritten else {
                return instance.timeDeleted == nil ? .notDeletable(now: instance) : .alreadyDeleted(now: instance)
            }
            let count = try await Self.deleteLiveMigrations(of: id, at: time, on: connection)
            return .deleted(before: instance, liveMigrations: count)
        }
    }
}
