import Postgres
public import VMMModel

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
        let rows = try await read(filter.query(after: key, limit: limit))
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
            guard let reading else { return try await Self.lend(filter, connection, body) }
            return try await connection.withTransaction(reading) { try await Self.lend(filter, $0, body) }
        }
    }

    private static func lend<R>(
        _ filter: VMMFilter,
        _ connection: PostgresConnection,
        _ body: (StoredVMMRows) async throws -> R
    ) async throws -> R {
        var isLent = false
        do {
            return try await connection.withRows(filter.query()) { rows in
                isLent = true
                return try await body(StoredVMMRows(rows))
            }
        } catch let error as PostgresError where !isLent {
            // What the body throws may be of writes of its own.
            throw error.withoutCommit()
        }
    }
}
