package import Postgres
public import VMMModel

extension Datastore {
    private static let vmmInsertion = Insertion<VMM>()

    private static let selectVMM = Statement(
        "SELECT \(StoredVMM.selectList()) FROM vmm WHERE id = $?",
        binding: [Parameter<VMMID> { $0 }]
    )

    /// Inserts a VMM, unless there is one with its identifier, be it deleted.
    ///
    /// Calling again is safe: the second call finds what the first one inserted, or what it has become since.
    ///
    /// - Returns: The stored row, and whether this call made it.
    /// - Throws: ``DatastoreError`` of code `invalidRow` when an existing row cannot be read; `PostgresError`.
    public func insert(_ vmm: VMM) async throws -> InsertOutcome<VMM> {
        try await Self.vmmInsertion.run(vmm, on: pool)
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
        let rows = try await read(Self.selectVMM.query(id))
        guard let row = try rows.decode(IdentifiedRow<VMM>.self).first else { throw DatastoreError.notFound(id) }
        let vmm = try row.get()
        if let time = vmm.timeDeleted, !includingDeleted { throw DatastoreError.deleted(id, at: time) }
        return vmm
    }

    /// Fetches a VMM, deleted or not, even when its state and failure reason do not belong together.
    ///
    /// - Throws: ``DatastoreError``: `notFound`, or `invalidRow` when other columns cannot be read. `PostgresError`.
    public func inspectVMM(_ id: VMMID) async throws -> StoredVMM {
        let rows = try await read(Self.selectVMM.query(id))
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
        try await GuardedUpdate.vmmRuntime.run(id, to: runtime, on: pool)
    }

    /// What ``updateRuntime(of:to:)`` sends; the instructions that making it takes are counted.
    package static func updateRuntimeQuery(of id: VMMID, to runtime: VMMRuntimeState) -> PostgresQuery {
        GuardedUpdate.vmmRuntime.query(GuardedUpdate.Change(id: id, part: runtime))
    }

    /// Replaces the runtime states of many VMMs, each as ``updateRuntime(of:to:)-(VMMID,VMMRuntimeState)`` does, with one statement.
    ///
    /// The result is that of applying the updates one after the other; a VMM may occur several times. It is one
    /// transaction, unless the database refuses a row (a constraint, an error of a trigger): then the others are applied
    /// without it in as few transactions as it takes. Thousands at once are what this is for; beyond some ten thousand,
    /// locks are held for long.
    ///
    /// ```swift
    /// let outcomes = try await datastore.updateRuntimes(reports.map { ($0.id, $0.runtime) })
    /// for (report, outcome) in zip(reports, outcomes) where (try? outcome.get()) == nil { print(report.id, outcome) }
    /// ```
    /// - Parameter updates: The VMMs and their new states.
    /// - Returns: An outcome for each update, in the order of the updates. A failure is a ``DatastoreError`` that names
    ///   its VMM: `notFound`, `invalidRow`, or `refused` with what the server said; it leaves the other rows alone.
    /// - Throws: `PostgresError` when the database cannot be asked. Where that broke the connection, each update may
    ///   have been made or not; calling again tells.
    public func updateRuntimes(
        _ updates: [(id: VMMID, runtime: VMMRuntimeState)]
    ) async throws -> [Result<UpdateOutcome<VMM>, DatastoreError>] {
        let changes = updates.map { GuardedUpdate<VMM, VMMRuntimeState>.Change(id: $0.id, part: $0.runtime) }
        return try await GuardedUpdate.vmmRuntime.run(inOrder: changes, on: pool)
    }
}
