import Postgres
public import VMMModel

/// How many VMMs failed for one reason.
public struct VMMFailureCount: Hashable, Sendable {
    /// The reason; `nil` for VMMs whose rows have none.
    public let reason: VMMFailureReason?
    /// The VMMs that are not marked deleted.
    public let live: Int
    /// The VMMs that are.
    public let deleted: Int

    /// All of them.
    public var total: Int { live + deleted }
}

extension Datastore {
    /// Lists VMMs in the order of their identifiers, page by page.
    ///
    /// Each page is a look at the database of its own: VMMs that come and go between two pages may be missed, none is
    /// listed twice.
    ///
    /// ```swift
    /// var last: VMMID?
    /// repeat {
    ///     let page = try await datastore.vmms(matching: filter, after: last, limit: 500)
    ///     last = page.last?.id
    /// } while last != nil
    /// ```
    /// - Parameters:
    ///   - filter: Which VMMs.
    ///   - key: The last identifier of the page before; `nil` for the first page.
    ///   - limit: How many at most; less than 1 gives none.
    /// - Returns: The page; an empty one is behind the last.
    /// - Throws: ``DatastoreError`` of code `invalidRow` naming the first row that cannot be read. State and failure
    ///   reason that do not belong together are not an error here. `PostgresError`.
    public func vmms(
        matching filter: VMMFilter = VMMFilter(),
        after key: VMMID? = nil,
        limit: Int = 500
    ) async throws -> [StoredVMM] {
        guard limit > 0 else { return [] }
        let rows = try await pool.query(filter.query(after: key, limit: limit))
        return try rows.decode(IdentifiedRow<StoredVMM>.self).map { row in try row.get() }
    }

    /// Lends all VMMs of a list, in the order of their identifiers, as they come from the server.
    ///
    /// It is one look at the database, and holds one connection of the pool until the scope ends.
    ///
    /// ```swift
    /// try await datastore.withVMMs(matching: .abandoned) { vmms in
    ///     for try await vmm in vmms { print(vmm.id) }
    /// }
    /// ```
    /// - Parameters:
    ///   - filter: Which VMMs.
    ///   - body: Reads them.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; `PostgresError`.
    public func withVMMs<R>(
        matching filter: VMMFilter = VMMFilter(),
        _ body: (StoredVMMRows) async throws -> R
    ) async throws -> R {
        try await pool.withConnection { connection in
            try await connection.withRows(filter.query()) { rows in
                try await body(StoredVMMRows(rows))
            }
        }
    }

    /// Counts failed VMMs by reason.
    ///
    /// This reads the whole table.
    ///
    /// - Returns: A count for each reason that occurs, the largest first.
    /// - Throws: `PostgresError`.
    public func countFailures() async throws -> [VMMFailureCount] {
        let rows = try await pool.query(
            """
            SELECT failure_reason, count(*) FILTER (WHERE time_deleted IS NULL) AS live,
              count(time_deleted) AS deleted
            FROM vmm WHERE state = 'failed' GROUP BY failure_reason ORDER BY count(*) DESC, failure_reason
            """
        )
        return try rows.map { row in
            VMMFailureCount(
                reason: try row.decode("failure_reason"),
                live: try row.decode("live"),
                deleted: try row.decode("deleted")
            )
        }
    }
}
