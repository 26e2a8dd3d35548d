import Postgres
public import VMMModel

/// What a sled-agent's report came to; all of it was committed together.
public struct SledReportOutcome: Hashable, Sendable {
    /// What happened to the VMM.
    public let vmm: UpdateOutcome<VMM>
    /// What happened to the live migration of which the VMM is the target; `nil` when none was reported.
    ///
    /// Never ``UpdateOutcome/deleted(now:)``.
    public let migrationIn: UpdateOutcome<LiveMigration>?
    /// What happened to the live migration of which the VMM is the source; `nil` when none was reported.
    ///
    /// Never ``UpdateOutcome/deleted(now:)``.
    public let migrationOut: UpdateOutcome<LiveMigration>?
}

extension Datastore {
    /// Writes what a sled-agent reported about a VMM: its state, and its sides of live migrations, in one transaction.
    ///
    /// Each of the parts is guarded by its own generation; a part that is stale does not keep the others from being
    /// written. A VMM that is marked deleted does not either: a late report may still tell how a live migration ended.
    /// That the report is consistent in itself is the sled-agent's part.
    ///
    /// ```swift
    /// let outcome = try await datastore.updateRuntime(of: id, to: report)
    /// if case .updated = outcome.vmm, report.vmmState.state.isTerminal { startUpdate() }
    /// ```
    /// - Parameters:
    ///   - id: The VMM.
    ///   - report: What its sled-agent reported.
    /// - Returns: What happened to each part.
    /// - Throws: ``DatastoreError``, after which nothing of the report is written: `notFound` for a VMM or live migration
    ///   that there is not; `gone` for a live migration that is deleted; `wrongSide` for a side that is another VMM's;
    ///   `conflict` for a report that has the VMM at both sides of one live migration; `invalidRow`. `PostgresError`.
    public func updateRuntime(of id: VMMID, to report: SledVMMState) async throws -> SledReportOutcome {
        if let out = report.migrationOut, out.liveMigrationID == report.migrationIn?.liveMigrationID {
            throw DatastoreError.bothSides(of: out.liveMigrationID, are: id)
        }
        var sides: [(side: LiveMigrationSide, report: LiveMigrationRuntimeState)] = []
        if let out = report.migrationOut { sides.append((.source, out)) }
        if let into = report.migrationIn { sides.append((.target, into)) }
        guard !sides.isEmpty else {
            let vmm = try await updateRuntime(of: id, to: report.vmmState)
            return SledReportOutcome(vmm: vmm, migrationIn: nil, migrationOut: nil)
        }
        // In the order of keys: two VMMs may report the same two live migrations, each from its side.
        sides.sort { $0.report.liveMigrationID < $1.report.liveMigrationID }
        let ordered = sides
        return try await pool.withTransaction(retry: .standard) { connection, _ in
            let vmm = try await GuardedUpdate.vmmRuntime.run(id, to: report.vmmState, on: connection)
            var outcomes: [LiveMigrationSide: UpdateOutcome<LiveMigration>] = [:]
            for (side, report) in ordered {
                let outcome = try await side.run(report, of: id, on: connection)
                if case .deleted(let now) = outcome { throw DatastoreError.gone(now) }
                outcomes[side] = outcome
            }
            return SledReportOutcome(vmm: vmm, migrationIn: outcomes[.target], migrationOut: outcomes[.source])
        }
    }
}

extension DatastoreError {
    fileprivate static func bothSides(of id: LiveMigrationID, are vmm: VMMID) -> DatastoreError {
        DatastoreError(
            code: .conflict,
            entityName: LiveMigration.entityName,
            id: id.uuid,
            message: "the report has the VMM \(vmm) at both sides of the live migration \(id)"
        )
    }

    fileprivate static func gone(_ liveMigration: LiveMigration) -> DatastoreError {
        let time = liveMigration.timeDeleted.map { " at \($0)" } ?? ""
        return DatastoreError(
            code: .gone,
            entityName: LiveMigration.entityName,
            id: liveMigration.id.uuid,
            message: "the live migration \(liveMigration.id) was deleted\(time)"
        )
    }
}
