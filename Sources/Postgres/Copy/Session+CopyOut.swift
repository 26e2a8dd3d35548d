import CLibPQ

extension Session {
    /// Takes the turn, begins a COPY TO STDOUT and waits for its first data; ``closeCursor(_:)`` ends it.
    func openCopyOut(_ query: PostgresQuery, timeout: Duration?) async throws(PostgresError) -> OpenedRows {
        try query.check()
        let deadline = deadline(timeout)
        try await takeTurn(until: deadline)
        do throws(PostgresError) {
            return try await beginCopyOut(query, deadline: deadline)
        } catch {
            cursor = nil
            endTurn()
            throw error
        }
    }

    /// Asks for the columns of a query and begins to copy it in binary form; ``closeCursor(_:)`` ends it.
    func openCopyRows(_ query: PostgresQuery, timeout: Duration?) async throws(PostgresError) -> OpenedRows {
        try query.check()
        guard query.parameters.count == 0 else {
            throw PostgresError(
                .encodingFailed,
                "COPY takes no bound values; read it with withRows",
                nothingWasSent: true
            )
        }
        let deadline = deadline(timeout)
        try await takeTurn(until: deadline)
        do throws(PostgresError) {
            let layout = try await describe(query, deadline: deadline)
            // On a line of its own: the query may end in a comment.
            let statement = PostgresQuery(unsafeSQL: "COPY (\(query.sql)\n) TO STDOUT (FORMAT binary)")
            let opened = try await beginCopyOut(statement, deadline: deadline)
            return OpenedRows(id: opened.id, layout: layout, first: opened.first)
        } catch {
            cursor = nil
            endTurn()
            throw error
        }
    }

    /// The columns that a statement will have, from the server's description of it.
    private func describe(_ query: PostgresQuery, deadline: MonotonicTime?) async throws(PostgresError) -> ColumnLayout
    {
        // The next command would go to whichever session is free.
        guard !isPooled || transactionStatus == PQTRANS_INTRANS else {
            throw PostgresError(
                .unexpectedResult,
                "behind a pooler in transaction mode rows are copied with their types only in a transaction",
                nothingWasSent: true
            )
        }
        let preparation = try await exchange(deadline: deadline) {
            $0.sendPrepare(name: "", sql: query.sql, parameters: query.parameters)
        }
        if let error = preparation.error { throw PostgresError(.server, "", server: error) }
        let answer = try await exchange(deadline: deadline) { $0.sendDescription(ofPrepared: "") }
        if let error = answer.error { throw PostgresError(.server, "", server: error) }
        guard let result = answer.result, result.columnCount > 0 else {
            throw PostgresError(.unexpectedResult, "the statement has no rows to copy")
        }
        return ColumnLayout(of: result, database.types, isDescription: true)
    }

    private func beginCopyOut(_ query: PostgresQuery, deadline: MonotonicTime?) async throws(PostgresError)
        -> OpenedRows
    {
        let savepoint = try await makeSavepoint(deadline: deadline)
        if Task.isCancelled { throw Stop.cancelled.errorBeforeSending }
        guard let handle else { throw closedError() }
        guard handle.send(sql: query.sql, parameters: query.parameters) else { throw lost(handle) }
        let cursor = makeCursor(.copyOut, query.sql, savepoint: savepoint, deadline: deadline)
        let first = try await fetch(cursor.id) ?? RowBatch()
        guard cursor.hasCopyBegun, let layout = cursor.layout else {
            throw PostgresError(.unexpectedResult, "the statement is no COPY TO STDOUT")
        }
        return OpenedRows(id: cursor.id, layout: layout, first: first)
    }
}
