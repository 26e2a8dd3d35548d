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

    private func beginCopyOut(_ query: PostgresQuery, deadline: MonotonicTime?) async throws(PostgresError)
        -> OpenedRows
    {
        let savepoint = try await makeSavepoint(deadline: deadline)
        if Task.isCancelled { throw Stop.cancelled.errorBeforeSending }
        guard let handle else { throw closedError() }
        guard handle.send(sql: query.sql, parameters: query.parameters) else { throw lost(handle) }
        let cursor = makeCursor(.copyOut, savepoint: savepoint, deadline: deadline)
        let first = try await fetch(cursor.id) ?? RowBatch()
        guard cursor.hasCopyBegun, let layout = cursor.layout else {
            throw PostgresError(.unexpectedResult, "the statement is no COPY TO STDOUT")
        }
        return OpenedRows(id: cursor.id, layout: layout, first: first)
    }
}
