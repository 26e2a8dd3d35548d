import Synchronization

/// What the sessions of one database learn for each other: a pool's have it in common.
final class DatabaseKnowledge: Sendable {
    /// The database's own types, by name and OID.
    let types = PostgresTypeCatalog()
    private let changes = Atomic<UInt64>(0)

    /// Counts how often a session found that statements it had prepared, or types it knew, are no more what they were.
    var changeCount: UInt64 { changes.load(ordering: .relaxed) }

    /// A migration ran underneath: types are looked up anew, and each session forgets what it has prepared.
    func noteChange() {
        types.invalidate()
        changes.wrappingAdd(1, ordering: .relaxed)
    }
}
