import Postgres
public import VMMModel

extension Datastore {
    private static let liveMigrationInsertion = Insertion<LiveMigration>()

    private static let selectLiveMigration = Statement(
        "SELECT \(LiveMigration.selectList()) FROM migration WHERE id = $?",
        binding: [Parameter<LiveMigrationID> { $0 }]
    )

    /// Inserts a live migration, unless there is one with its identifier, be it deleted.
    ///
    /// - Returns: The stored row, and whether this call made it.
    /// - Throws: ``DatastoreError`` of code `invalidRow` when an existing row cannot be read; `PostgresError`.
    public func insert(_ liveMigration: LiveMigration) async throws -> InsertOutcome<LiveMigration> {
        try await Self.liveMigrationInsertion.run(liveMigration, on: pool)
    }

    /// Fetches a live migration.
    ///
    /// - Throws: ``DatastoreError``: `notFound` when there is none, and when it is deleted unless those are included;
    ///   `invalidRow`. `PostgresError`.
    public func fetchLiveMigration(
        _ id: LiveMigrationID,
        includingDeleted: Bool = false
    ) async throws -> LiveMigration {
        let rows = try await read(Self.selectLiveMigration.query(id))
        guard let row = try rows.decode(IdentifiedRow<LiveMigration>.self).first else {
            throw DatastoreError.notFound(id)
        }
        let liveMigration = try row.get()
        if let time = liveMigration.timeDeleted, !includingDeleted { throw DatastoreError.deleted(id, at: time) }
        return liveMigration
    }

    /// Lists an instance's live migrations that are not deleted, by identifier, page by page.
    ///
    /// - Parameters:
    ///   - instanceID: The instance.
    ///   - key: The last identifier of the page before; `nil` for the first page.
    ///   - limit: How many at most; less than 1 gives none.
    ///   - isDescending: Whether the greatest identifier comes first.
    /// - Returns: The page; an empty one is behind the last.
    /// - Throws: ``DatastoreError`` of code `invalidRow`; `PostgresError`.
    public func liveMigrations(
        of instanceID: InstanceID,
        after key: LiveMigrationID? = nil,
        limit: Int = 500,
        isDescending: Bool = false
    ) async throws -> [LiveMigration] {
        guard limit > 0 else { return [] }
        let (order, comparison) = isDescending ? ("DESC", "<") : ("ASC", ">")
        let rows = try await read(
            """
            SELECT \(unsafeSQL: LiveMigration.selectList()) FROM migration
            WHERE instance_id = \(instanceID) AND time_deleted IS NULL
              AND (\(key)::uuid IS NULL OR id \(unsafeSQL: comparison) \(key))
            ORDER BY id \(unsafeSQL: order) LIMIT \(limit)
            """
        )
        return try rows.decode(IdentifiedRow<LiveMigration>.self).map { row in try row.get() }
    }

    /// Replaces the state of one side of a live migration, if the report's generation is strictly greater.
    ///
    /// - Parameters:
    ///   - side: The side that reports.
    ///   - vmm: The VMM that reports; the side must be its.
    ///   - report: What it reports, and about which live migration.
    /// - Returns: What happened to the side, with the row before the update or as it is.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such live migration; `wrongSide` when the side is
    ///   another VMM's; `invalidRow`. `PostgresError`.
    public func updateRuntime(
        of side: LiveMigrationSide,
        of vmm: VMMID,
        to report: LiveMigrationRuntimeState
    ) async throws -> UpdateOutcome<LiveMigration> {
        try await side.run(report, of: vmm, on: pool)
    }
}

extension LiveMigrationSide {
    /// Writes a report about the side; see ``Datastore/updateRuntime(of:of:to:)``.
    func run(
        _ report: LiveMigrationRuntimeState,
        of vmm: VMMID,
        on session: some QueryRunner
    ) async throws -> UpdateOutcome<LiveMigration> {
        let reported = LiveMigration.Side(
            vmmID: vmm,
            state: report.state,
            generation: report.generation,
            timeUpdated: report.timeUpdated
        )
        let outcome = try await update.run(report.liveMigrationID, to: reported, on: session)
        if case .stale(let now) = outcome, now[keyPath: keyPath].vmmID != vmm {
            throw DatastoreError.wrongSide(self, of: now, not: vmm)
        }
        return outcome
    }
}

extension DatastoreError {
    fileprivate static func wrongSide(
        _ side: LiveMigrationSide,
        of liveMigration: LiveMigration,
        not vmm: VMMID
    ) -> DatastoreError {
        DatastoreError(
            code: .wrongSide,
            entityName: LiveMigration.entityName,
            id: liveMigration.id.uuid,
            message: "the VMM \(vmm) is not the \(side.prefix) of the live migration \(liveMigration.id), but "
                + "\(liveMigration[keyPath: side.keyPath].vmmID) is"
        )
    }
}
