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

    /// The transaction that each read runs in; nil for a statement by itself.
    let reading: TransactionOptions?

    /// Makes a datastore; whoever made the pool shuts it down.
    ///
    /// With `reading`, everything that only reads runs in a transaction of its own with these options, at the cost of a
    /// round trip: the way to a promise that holds behind a pooler too, where settings of the session do not.
    ///
    /// ```swift
    /// let reports = Datastore(pool, reading: .readOnly)
    /// ```
    public init(_ pool: PostgresPool, reading: TransactionOptions? = nil) {
        self.pool = pool
        self.reading = reading
    }

    /// Runs a statement that only reads.
    func read(_ query: PostgresQuery) async throws -> PostgresRows {
        guard let reading else { return try await pool.query(query) }
        return try await pool.withTransaction(reading) { try await $0.query(query) }
    }
}
