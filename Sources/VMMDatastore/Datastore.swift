public import Postgres

/// The rows of VMMs in a database, read and written as domain types.
///
/// The database must be at version 2 of the schema or later: the datastore reads and writes the column of failure
/// reasons. Each call is one statement on a connection of the pool, committed when it returns, unless it says otherwise.
///
/// ```swift
/// let datastore = Datastore(PostgresPool(configuration))
/// let vmm = try await datastore.fetchVMM(id)
/// let failed = try vmm.runtime.transition(to: .failed(.sledOff))
/// switch try await datastore.updateRuntime(of: id, to: failed) {
/// case .updated, .alreadyApplied: break
/// case .stale(let now): print("overtaken:", now.runtime.state)
/// case .deleted: print("gone")
/// }
/// ```
///
/// **When the connection breaks** under a statement that writes, the error is a `PostgresError` whose `mayHaveCommitted`
/// is true: whether the row was written is unknown. Where its `nothingWasSent` is true, the row was not. In both cases
/// the same call may be made again: an insert then finds the existing row, and an update answers
/// ``UpdateOutcome/alreadyApplied(now:)`` when the first call was the one that wrote.
public struct Datastore: Sendable {
    /// Where the connections come from.
    public let pool: PostgresPool

    /// Makes a datastore; whoever made the pool shuts it down.
    public init(_ pool: PostgresPool) {
        self.pool = pool
    }
}
