import Postgres
public import VMMModel

extension Datastore {
    private static let selectInstance = Statement(
        "SELECT \(Instance.selectList()) FROM instance WHERE id = $?",
        binding: [Parameter<InstanceID> { $0 }]
    )

    private static let selectInstanceAndVMM = Statement(
        "\(InstanceAndVMM.select) WHERE instance.id = $?",
        binding: [Parameter<InstanceID> { $0 }]
    )

    private static let selectSnapshot = Statement(
        "\(InstanceSnapshot.select(includingDeleted: false)) WHERE instance.id = $?",
        binding: [Parameter<InstanceID> { $0 }]
    )

    private static let selectSnapshotWithDeleted = Statement(
        "\(InstanceSnapshot.select(includingDeleted: true)) WHERE instance.id = $?",
        binding: [Parameter<InstanceID> { $0 }]
    )

    /// Fetches an instance.
    ///
    /// - Throws: ``DatastoreError``: `notFound` when there is none, and when it is deleted unless those are included;
    ///   `invalidRow`. `PostgresError`.
    public func fetchInstance(_ id: InstanceID, includingDeleted: Bool = false) async throws -> Instance {
        let rows = try await read(Self.selectInstance.query(id))
        guard let row = try rows.decode(IdentifiedRow<Instance>.self).first else { throw DatastoreError.notFound(id) }
        return try Self.checked(row.get(), includingDeleted)
    }

    /// Fetches an instance and its active VMM, as they were at one moment.
    ///
    /// - Throws: ``DatastoreError``: `notFound` when there is no such instance, or it is deleted; `invalidRow`, naming
    ///   the row. `PostgresError`.
    public func fetchInstanceAndVMM(_ id: InstanceID) async throws -> InstanceAndVMM {
        let rows = try await read(Self.selectInstanceAndVMM.query(id))
        guard let row = rows.first else { throw DatastoreError.notFound(id) }
        let pair = try InstanceAndVMM(row)
        _ = try Self.checked(pair.instance, false)
        return pair
    }

    /// Fetches an instance, its active and target VMM and its live migration, as they were at one moment.
    ///
    /// - Parameters:
    ///   - id: The instance.
    ///   - includingDeleted: Whether an instance that is marked deleted is found, and VMMs and live migrations that are,
    ///     as operators want it who look for dangling references.
    /// - Returns: The instance and what it refers to.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such instance, and when it is deleted unless those are
    ///   included; `invalidRow`, naming the row. `PostgresError`.
    public func fetchSnapshot(of id: InstanceID, includingDeleted: Bool = false) async throws -> InstanceSnapshot {
        try await read(in: reading) { session in
            try await Self.snapshot(of: id, includingDeleted: includingDeleted, on: session)
        }
    }

    static func snapshot(
        of id: InstanceID,
        includingDeleted: Bool,
        on session: some QueryRunner
    ) async throws -> InstanceSnapshot {
        let statement = includingDeleted ? selectSnapshotWithDeleted : selectSnapshot
        guard let row = try await session.run(statement.query(id)).first else { throw DatastoreError.notFound(id) }
        let snapshot = try InstanceSnapshot(row)
        _ = try checked(snapshot.instance, includingDeleted)
        return snapshot
    }

    /// Fetches many instances and their active VMMs, in one look at the database.
    ///
    /// - Parameter ids: The instances; without any, the database is not asked.
    /// - Returns: What there is, by identifier: instances that are missing or deleted are left out.
    /// - Throws: ``DatastoreError`` of code `invalidRow`, naming the row; `PostgresError`.
    public func fetchInstances(_ ids: some Sequence<InstanceID>) async throws -> [InstanceID: InstanceAndVMM] {
        let ids = Array(Set(ids))
        guard !ids.isEmpty else { return [:] }
        let rows = try await read(
            "\(unsafeSQL: InstanceAndVMM.select) WHERE instance.id = ANY (\(ids)) AND instance.time_deleted IS NULL"
        )
        var found: [InstanceID: InstanceAndVMM] = [:]
        for row in rows {
            let pair = try InstanceAndVMM(row)
            found[pair.instance.id] = pair
        }
        return found
    }

    /// Replaces an instance's runtime state, if the new one's generation is strictly greater.
    ///
    /// All of it is written together, with NULL for what the new one has not.
    ///
    /// - Returns: What happened, with the row before the update or the row as it is.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such instance, not even a deleted one; `invalidRow`,
    ///   with ``DatastoreError/wasApplied``. `PostgresError`.
    public func updateRuntime(
        of id: InstanceID,
        to runtime: InstanceRuntimeState
    ) async throws -> UpdateOutcome<Instance> {
        try await GuardedUpdate.instanceRuntime.run(id, to: runtime, on: pool)
    }

    private static func checked(_ instance: Instance, _ includingDeleted: Bool) throws(DatastoreError) -> Instance {
        if let time = instance.timeDeleted, !includingDeleted { throw .deleted(instance.id, at: time) }
        return instance
    }
}
