extension PostgresConnection {
    /// Runs one statement and lends its rows while they come from the server, in memory that does not grow with them.
    ///
    /// ```swift
    /// try await connection.withRows("SELECT id, rack FROM sled") { rows in
    ///     for try await sled in rows.decode(SledRow.self) { print(sled.rack) }
    /// }
    /// ```
    /// The statement has the connection until the scope ends; another one within it throws `unexpectedResult`. A scope
    /// that ends before the last row makes the server stop when much is left, which undoes a statement that writes;
    /// a transaction around it goes on. Then the connection is ready for the next statement, or closed.
    ///
    /// - Parameters:
    ///   - query: The statement; interpolated values are bound.
    ///   - timeout: How long it may take, with reading its rows; nil takes the configuration's `queryTimeout`.
    ///   - body: Reads the rows.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws; ``PostgresError`` as ``query(_:timeout:)``, from here until the first rows came and
    ///   from the sequence afterwards, also when `body` left before it got there. The corresponding libpq functions are
    ///   `PQsetSingleRowMode` and, from libpq 17 on, `PQsetChunkedRowsMode`.
    public func withRows<R>(
        _ query: PostgresQuery,
        timeout: Duration? = nil,
        _ body: (PostgresRowStream) async throws -> R
    ) async throws -> R {
        try checkLease()
        return try await observed(query.sql) {
            let source = RowSource(session, try await session.openRows(query, timeout: timeout))
            return try await lend(source) { try await body(PostgresRowStream(source: source)) }
        }
    }

    /// Runs `body` with the turn held, and ends the scope afterwards.
    func lend<R>(_ source: RowSource, _ body: () async throws -> R) async throws -> R {
        let value: R
        do {
            value = try await Session.$heldTurns.withValue(Session.heldTurns.union([ObjectIdentifier(session)])) {
                try await body()
            }
        } catch {
            let failure = await end(source)
            throw failure.flatMap { (error as? PostgresError)?.suppressing($0) } ?? error
        }
        if let failure = await end(source) { throw failure }
        return value
    }

    private func end(_ source: RowSource) async -> PostgresError? {
        source.endScope()
        let session = session
        let id = source.id
        // A task of its own: bringing the connection to rest must not inherit a cancellation.
        return await Task { await session.closeCursor(id) }.value
    }
}
