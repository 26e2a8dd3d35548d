public import Postgres

/// The rows of VMMs in a database, read and written as domain types.
///
/// The database must be at version 2 of the schema (``schemaVersion``) or later: the datastore reads and writes the
/// column of failure reasons. Each call is one statement on a connection of the pool, committed when it returns, unless
/// it says otherwise.
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
/// is true: whether the row was written is unknown. Where it is false, the row was not written, and so it is for what
/// only reads. In both cases the same call may be made again: an insert then finds the existing row, and an update answers
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
        try await read(in: reading) { session in try await session.run(query) }
    }

    /// Runs statements that only read, in a transaction where options are given: whatever breaks, nothing was committed.
    func read<R>(
        in options: TransactionOptions?,
        _ body: (any QueryRunner) async throws -> R
    ) async throws -> R {
        do {
            guard let options else { return try await body(pool) }
            return try await pool.withTransaction(options) { try await body($0) }
        } catch let error as PostgresError {
            throw error.withoutCommit()
        }
    }
}
