import Postgres
public import VMMModel

/// What marking a VMM deleted came to.
public enum VMMDeletionOutcome: Hashable, Sendable {
    /// The VMM was marked deleted by this call; this is what it was before.
    case deleted(before: VMM)

    /// The VMM was marked deleted earlier, at the time that the row has.
    case alreadyDeleted(now: VMM)

    /// The VMM is in a state in which it may not be deleted; nothing was written.
    case notDestroyable(now: VMM)
}

extension Datastore {
    private static let vmmDeletion = RowChange<VMM, Timestamp>(
        set: "time_deleted = $?",
        when: """
            found.time_deleted IS NULL AND found.state IN (\(VMMState.Kind.literals(VMMState.Kind.destroyable)))
            """,
        binding: [Parameter { $0 }]
    )

    /// Marks a VMM deleted, if it failed, was destroyed or was unwound.
    ///
    /// Whether something still refers to the VMM is not looked at: ``VMMFilter/abandoned`` lists those to which nothing
    /// does, and whoever unlinks a VMM may delete it. State and generation stay as they are.
    ///
    /// - Parameters:
    ///   - id: The VMM.
    ///   - time: When it is deleted.
    /// - Returns: What happened.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such VMM; `invalidRow`. `PostgresError`.
    public func markDeleted(_ id: VMMID, at time: Timestamp = .now()) async throws -> VMMDeletionOutcome {
        let (wasWritten, vmm) = try await Self.vmmDeletion.run(id, time, on: pool)
        if wasWritten { return .deleted(before: vmm) }
        return vmm.timeDeleted == nil ? .notDestroyable(now: vmm) : .alreadyDeleted(now: vmm)
    }
}
