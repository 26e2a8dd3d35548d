import CLibPQ

extension PostgresConnection {
    /// Runs a query as a cursor of the server and lends it: rows are fetched in portions, and between two portions the
    /// connection is free for other statements.
    ///
    /// ```swift
    /// try await connection.withTransaction { connection in
    ///     try await connection.withCursor("SELECT id, rack FROM sled", fetchSize: 500) { cursor in
    ///         while let sleds = try await cursor.next() {
    ///             for sled in try sleds.decode(SledRow.self) {
    ///                 try await connection.query("UPDATE sled SET seen = now() WHERE id = \(sled.id)")
    ///             }
    ///         }
    ///     }
    /// }
    /// ```
    /// It reads what the query saw when it began, whatever the statements between change. Each portion is a round trip:
    /// to read everything, ``withRows(_:timeout:_:)`` is faster.
    ///
    /// - Parameters:
    ///   - query: A SELECT or VALUES; interpolated values are bound.
    ///   - fetchSize: How many rows ``PostgresCursor/next()`` fetches, at least 1.
    ///   - isScrollable: Whether ``PostgresCursor/move(by:)`` may go backwards, at a cost that depends on the query.
    ///   - isHeld: Whether it outlives the transaction, and needs none: `WITH HOLD`. The server runs the whole query
    ///     when the transaction ends and keeps the rows, on disk if they are many, until `body` returns.
    ///   - body: Fetches the rows.
    /// - Returns: what `body` returns; the cursor is closed then.
    /// - Throws: what `body` throws; ``PostgresError`` as ``query(_:timeout:)``, and `unexpectedResult` outside a
    ///   transaction, where the server keeps no cursor but held ones, and for a held one behind a pooler in
    ///   transaction mode. The manual's page is "DECLARE".
    public func withCursor<R>(
        _ query: PostgresQuery,
        fetchSize: Int = 1000,
        isScrollable: Bool = false,
        isHeld: Bool = false,
        _ body: (PostgresCursor) async throws -> R
    ) async throws -> R {
        try checkLease()
        let cursor = PostgresCursor(self, name: await session.nextCursorName(), fetchSize: max(1, fetchSize))
        let scroll = isScrollable ? "SCROLL" : "NO SCROLL"
        let hold = isHeld ? "WITH HOLD " : ""
        let declaration = query.declared("DECLARE \(cursor.name) \(scroll) CURSOR \(hold)FOR ")
        try await observed(declaration.sql) { () async throws(PostgresError) in
            try await session.declare(declaration, isHeld: isHeld)
        }
        let value: R
        do {
            value = try await body(cursor)
        } catch {
            // A failed transaction has closed it, and one that goes on should not keep it: a task of its own, which
            // does not inherit a cancellation.
            let session = session
            await Task { await session.abandon(cursor: cursor.name, isHeld: isHeld) }.value
            throw error
        }
        try await cursor.close()
        return value
    }
}

/// A cursor of the server; see ``PostgresConnection/withCursor(_:fetchSize:isScrollable:isHeld:_:)``.
///
/// Valid within the scope that lends it, and within the transaction or savepoint around that unless it is held.
public struct PostgresCursor: Sendable {
    private let connection: PostgresConnection
    let name: String
    /// How many rows ``next()`` fetches.
    public let fetchSize: Int

    init(_ connection: PostgresConnection, name: String, fetchSize: Int) {
        self.connection = connection
        self.name = name
        self.fetchSize = fetchSize
    }

    /// Fetches the next rows, or nil at the end.
    ///
    /// - Throws: ``PostgresError`` as ``PostgresConnection/query(_:timeout:)``; SQLSTATE 34000 after the scope.
    public func next() async throws(PostgresError) -> PostgresRows? {
        let rows = try await fetch(fetchSize)
        return rows.isEmpty ? nil : rows
    }

    /// Fetches so many rows from here on, fewer at the end; backwards, for a number below zero, when it is scrollable.
    ///
    /// - Throws: as ``next()``; SQLSTATE 55000 for going back with one that is not scrollable.
    public func fetch(_ count: Int) async throws(PostgresError) -> PostgresRows {
        try await connection.query(statement("FETCH", count))
    }

    /// Moves by so many rows without fetching them, backwards for a number below zero.
    ///
    /// - Returns: by how many it moved, fewer at an end.
    /// - Throws: as ``fetch(_:)``.
    @discardableResult
    public func move(by count: Int) async throws(PostgresError) -> Int {
        try await connection.query(statement("MOVE", count)).commandTag.rowCount ?? 0
    }

    func close() async throws(PostgresError) {
        try await connection.query(uncached("CLOSE \(name)"))
    }

    /// Not kept prepared: the cursor's name is another each time.
    private func statement(_ command: String, _ count: Int) -> PostgresQuery {
        uncached("\(command) \(count < 0 ? "BACKWARD" : "FORWARD") \(count.magnitude) FROM \(name)")
    }

    private func uncached(_ sql: String) -> PostgresQuery {
        var query = PostgresQuery(unsafeSQL: sql)
        query.isCacheable = false
        return query
    }
}

extension Session {
    /// Declares a cursor where a transaction is open, or one that is held.
    fileprivate func declare(_ query: PostgresQuery, isHeld: Bool) async throws(PostgresError) {
        try query.check()
        let deadline = deadline()
        // Before looking: another task's command under way says nothing of a transaction.
        try await takeTurn(until: deadline)
        defer { endTurn() }
        guard isHeld || transactionStatus != PQTRANS_IDLE else {
            throw PostgresError(.unexpectedResult, "a cursor needs a transaction", nothingWasSent: true)
        }
        guard !isHeld || !isPooled else {
            let reason = "a pooler in transaction mode keeps no cursor beyond a transaction"
            throw PostgresError(.unexpectedResult, reason, nothingWasSent: true)
        }
        _ = try await attempt(try await bind(query, deadline: deadline), deadline: deadline)
    }

    /// Closes a cursor whose scope failed, where its transaction goes on.
    fileprivate func abandon(cursor name: String, isHeld: Bool) async {
        do throws(PostgresError) {
            try await takeTurn(until: nil, .isIgnored)
        } catch {
            return
        }
        defer { endTurn() }
        guard transactionStatus == PQTRANS_INTRANS || (isHeld && transactionStatus == PQTRANS_IDLE) else { return }
        _ = try? await run(script: "CLOSE \(name)", deadline: deadline(configuration.cancelTimeout), .isIgnored)
    }
}

extension PostgresQuery {
    /// The query with a command before it that takes its parameters too.
    fileprivate func declared(_ command: String) -> PostgresQuery {
        var query = PostgresQuery(unsafeSQL: command + sql)
        query.parameters = parameters
        query.isCacheable = false
        return query
    }
}
