import Postgres
public import VMMModel

/// A VMM on its sled, with the instance that it runs.
public struct PlacedVMM: Hashable, Sendable {
    /// The instance; it may be deleted, and its active VMM may be another.
    public let instance: Instance
    /// The VMM.
    public let vmm: VMM

    /// Where the VMM stands in a list by sleds.
    public var key: Key { Key(sledID: vmm.sledID, vmmID: vmm.id) }

    /// A place in a list by sleds.
    public struct Key: Hashable, Sendable {
        /// The sled.
        public let sledID: SledID
        /// The VMM on it.
        public let vmmID: VMMID

        /// The place of a VMM on a sled.
        public init(sledID: SledID, vmmID: VMMID) {
            self.sledID = sledID
            self.vmmID = vmmID
        }
    }
}

// Each page is a look at the database of its own; an empty page is behind the last.
extension Datastore {
    /// Lists the VMMs that may exist on sleds, by sled and VMM, with their instances.
    ///
    /// Those are the VMMs that a watcher asks sled-agents about: also failed ones and targets of live migrations.
    ///
    /// - Parameters:
    ///   - sled: The only sled to list; `nil` for all of them.
    ///   - key: The place of the last VMM of the page before; `nil` for the first page.
    ///   - limit: How many at most; less than 1 gives none.
    /// - Returns: The page.
    /// - Throws: ``DatastoreError`` of code `invalidRow`, naming the row; `PostgresError`.
    public func vmmsOnSleds(
        _ sled: SledID? = nil,
        after key: PlacedVMM.Key? = nil,
        limit: Int = 1_000
    ) async throws -> [PlacedVMM] {
        guard limit > 0 else { return [] }
        var query = PostgresQuery.StringInterpolation(literalCapacity: 1_024, interpolationCount: 4)
        query.appendLiteral(
            """
            SELECT \(Instance.selectList("instance")), \(JoinedRow<ActiveVMMAlias, VMM>.selectList)
            FROM vmm AS active_vmm JOIN instance ON instance.id = active_vmm.instance_id
            WHERE active_vmm.time_deleted IS NULL
              AND active_vmm.state NOT IN (\(VMMState.Kind.literals(VMMState.Kind.absentFromSled)))
            """
        )
        if let sled {
            query.appendLiteral(" AND active_vmm.sled_id = ")
            query.appendInterpolation(sled)
        }
        if let key {
            query.appendLiteral(" AND (active_vmm.sled_id, active_vmm.id) > (")
            query.appendInterpolation(key.sledID)
            query.appendLiteral(", ")
            query.appendInterpolation(key.vmmID)
            query.appendLiteral(")")
        }
        query.appendLiteral(" ORDER BY active_vmm.sled_id, active_vmm.id LIMIT ")
        query.appendInterpolation(limit)
        return try await read(PostgresQuery(stringInterpolation: query)).compactMap { row in
            let pair = try InstanceAndVMM(row)
            return pair.activeVMM.map { PlacedVMM(instance: pair.instance, vmm: $0) }
        }
    }

    /// Finds instances whose active VMM is in a state, neither of them deleted, whose updater lock nobody holds.
    ///
    /// - Throws: ``DatastoreError`` of code `invalidRow`, naming the row; `PostgresError`.
    public func instances(
        whoseActiveVMMIs state: VMMState.Kind,
        after key: InstanceID? = nil,
        limit: Int = 500
    ) async throws -> [InstanceAndVMM] {
        try await find(after: key, limit: limit) { query in
            query.appendLiteral("active_vmm.state = \(VMMState.Kind.literals([state]))")
        }
    }

    /// Finds instances with a live migration of which a side has failed or completed, whose updater lock nobody holds.
    ///
    /// Whether the live migration is marked deleted does not matter: the instance still refers to it.
    ///
    /// - Throws: ``DatastoreError`` of code `invalidRow`, naming the row; `PostgresError`.
    public func instancesWithTerminatedLiveMigrations(
        after key: InstanceID? = nil,
        limit: Int = 500
    ) async throws -> [InstanceAndVMM] {
        let terminal = LiveMigrationState.literals(LiveMigrationState.allCases.filter(\.isTerminal))
        return try await find(after: key, limit: limit) { query in
            query.appendLiteral(
                """
                EXISTS (
                  SELECT FROM migration WHERE migration.id = instance.migration_id
                  AND (source_state IN (\(terminal)) OR target_state IN (\(terminal)))
                )
                """
            )
        }
    }

    /// Finds instances that may be restarted now without being asked for, whose updater lock nobody holds.
    ///
    /// Those for which `Instance.autoRestart(activeVMM:at:)` is `allowed`.
    ///
    /// - Parameters:
    ///   - now: The time at which to decide.
    ///   - key: The last identifier of the page before; `nil` for the first page.
    ///   - limit: How many at most; less than 1 gives none.
    /// - Returns: The page.
    /// - Throws: ``DatastoreError`` of code `invalidRow`, naming the row; `PostgresError`.
    public func reincarnatableInstances(
        at now: Timestamp = .now(),
        after key: InstanceID? = nil,
        limit: Int = 500
    ) async throws -> [InstanceAndVMM] {
        try await find(after: key, limit: limit) { query in
            query.appendLiteral(
                """
                intended_state = 'running' AND auto_restart_policy IS DISTINCT FROM 'never'
                AND (instance.state = 'failed' OR (instance.state = 'vmm' AND active_vmm.state = 'saga_unwound'))
                AND (time_last_auto_restarted IS NULL
                """
            )
            // Lengths of time are compared: added to a time, a long cooldown would lead beyond the last one there is.
            query.appendLiteral(" OR ")
            query.appendInterpolation(now)
            query.appendLiteral(" - time_last_auto_restarted >= coalesce(auto_restart_cooldown, ")
            query.appendInterpolation(Cooldown(Instance.defaultAutoRestartCooldown))
            query.appendLiteral("))")
        }
    }

    /// A page of the instances that meet a condition, are not deleted, and whose updater lock nobody holds.
    private func find(
        after key: InstanceID?,
        limit: Int,
        where appendCondition: (inout PostgresQuery.StringInterpolation) -> Void
    ) async throws -> [InstanceAndVMM] {
        guard limit > 0 else { return [] }
        var query = PostgresQuery.StringInterpolation(literalCapacity: 2_048, interpolationCount: 4)
        query.appendLiteral("\(InstanceAndVMM.select) WHERE ")
        appendCondition(&query)
        query.appendLiteral(" AND instance.time_deleted IS NULL AND instance.updater_id IS NULL")
        if let key {
            query.appendLiteral(" AND instance.id > ")
            query.appendInterpolation(key)
        }
        query.appendLiteral(" ORDER BY instance.id LIMIT ")
        query.appendInterpolation(limit)
        return try await read(PostgresQuery(stringInterpolation: query)).map { try InstanceAndVMM($0) }
    }
}
