import Postgres
public import VMMModel

/// What inserting a row came to.
public enum InsertOutcome<Row: Hashable & Sendable>: Hashable, Sendable {
    /// The row is new, and as given.
    case inserted(Row)

    /// There was a row with this identifier, which may differ from what was given and was left untouched.
    case existing(Row)

    /// The row that is stored.
    public var row: Row {
        switch self {
        case .inserted(let row), .existing(let row): row
        }
    }
}

extension Datastore {
    private static let insertVMM: Statement<VMM> = {
        let names = VMM.columnNames.joined(separator: ", ")
        let values = VMM.columns.map { _ in "$?" }.joined(separator: ", ")
        let sql = """
            WITH inserted AS (
              INSERT INTO vmm (\(names)) VALUES (\(values)) ON CONFLICT (id) DO NOTHING RETURNING \(names)
            )
            SELECT true AS \(FlaggedRow<VMM>.flag), \(names) FROM inserted
            UNION ALL
            SELECT false, \(names) FROM vmm WHERE id = $1
            """
        return Statement(sql, binding: VMM.columns)
    }()

    private static let selectVMM = Statement(
        "SELECT \(StoredVMM.columnNames.joined(separator: ", ")) FROM vmm WHERE id = $?",
        binding: [BoundColumn<VMMID>("id") { $0 }]
    )

    /// Inserts a VMM, unless there is one with its identifier, be it deleted.
    ///
    /// Calling again is safe: the second call finds what the first one inserted, or what it has become since.
    ///
    /// - Returns: The stored row, and whether this call made it.
    /// - Throws: ``DatastoreError`` of code `invalidRow` when an existing row cannot be read; `PostgresError`.
    public func insert(_ vmm: VMM) async throws -> InsertOutcome<VMM> {
        while true {
            let rows = try await pool.query(Self.insertVMM.query(vmm))
            // No row at all: another session's insert was committed after this statement's snapshot was taken, so the
            // statement met the row's key and could not see the row. The next statement sees it.
            guard let answer = try rows.decode(FlaggedRow<VMM>.self).first else { continue }
            let stored = try answer.row.get()
            return answer.wasWritten ? .inserted(stored) : .existing(stored)
        }
    }

    /// Fetches a VMM.
    ///
    /// - Parameters:
    ///   - id: The VMM's identifier.
    ///   - includingDeleted: Whether a VMM that is marked deleted is found.
    /// - Returns: The VMM.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such VMM, and when it is deleted unless those are
    ///   included; `invalidRow` when the row cannot be read. `PostgresError`.
    public func fetchVMM(_ id: VMMID, includingDeleted: Bool = false) async throws -> VMM {
        let rows = try await pool.query(Self.selectVMM.query(id))
        guard let row = try rows.decode(IdentifiedRow<VMM>.self).first else { throw DatastoreError.notFound(id) }
        let vmm = try row.get()
        if let time = vmm.timeDeleted, !includingDeleted { throw DatastoreError.deleted(id, at: time) }
        return vmm
    }

    /// Fetches a VMM, deleted or not, even when its state and failure reason do not belong together.
    ///
    /// - Throws: ``DatastoreError``: `notFound`, or `invalidRow` when other columns cannot be read. `PostgresError`.
    public func inspectVMM(_ id: VMMID) async throws -> StoredVMM {
        let rows = try await pool.query(Self.selectVMM.query(id))
        guard let row = try rows.decode(IdentifiedRow<StoredVMM>.self).first else { throw DatastoreError.notFound(id) }
        return try row.get()
    }

    /// Replaces a VMM's runtime state, if the new one's generation is strictly greater.
    ///
    /// State, failure reason, generation and time are written together, always all of them: a VMM that leaves `failed`
    /// loses its reason, and one that fails again takes the newer reason. Which state may follow which is not judged,
    /// and the time may go back. Calling again with the same value is safe: it answers ``UpdateOutcome/alreadyApplied(now:)``.
    ///
    /// - Parameters:
    ///   - id: The VMM.
    ///   - runtime: The new state, usually made by `transition(to:at:)` from the one that was read.
    /// - Returns: What happened, with the row before the update or the row as it is.
    /// - Throws: ``DatastoreError``: `notFound` when there is no such VMM, not even a deleted one; `invalidRow` when the
    ///   row under the update cannot be read, with ``DatastoreError/wasApplied`` telling whether it was replaced.
    ///   `PostgresError`; see ``Datastore`` for what a broken connection means.
    public func updateRuntime(of id: VMMID, to runtime: VMMRuntimeState) async throws -> UpdateOutcome<VMM> {
        let rows = try await pool.query(GuardedUpdate.vmmRuntime.query(id, to: runtime))
        return try GuardedUpdate.vmmRuntime.outcome(of: rows, id, to: runtime)
    }
}
