import CLibPQ

extension Session {
    /// Runs one statement, from the cache of prepared ones when it was seen before.
    func query(_ query: PostgresQuery, timeout: Duration?) async throws(PostgresError) -> PostgresRows {
        try query.check()
        let deadline = deadline(timeout)
        try await takeTurn(until: deadline)
        defer { endTurn() }
        do throws(PostgresError) {
            return try await attempt(query, deadline: deadline)
        } catch {
            // A migration ran underneath: outside a transaction nothing is lost by preparing anew.
            guard isStalePlan(error), transactionStatus == PQTRANS_IDLE else { throw error }
            return try await attempt(query, deadline: deadline)
        }
    }

    /// Runs text of any number of statements by the simple protocol.
    func script(
        _ sql: String,
        timeout: Duration?,
        _ cancellation: Cancellation = .stopsCommand
    ) async throws(PostgresError) -> [CommandTag] {
        guard !sql.utf8.contains(0) else {
            throw PostgresError(.encodingFailed, "the script holds a NUL character", nothingWasSent: true)
        }
        let deadline = deadline(timeout)
        try await takeTurn(until: deadline, cancellation)
        defer { endTurn() }
        return try await run(script: sql, deadline: deadline, cancellation)
    }

    func deadline(_ timeout: Duration? = nil) -> MonotonicTime? {
        (timeout ?? configuration.queryTimeout).flatMap { MonotonicTime.after($0) }
    }

    /// Runs text of any number of statements; the caller has the turn.
    func run(
        script sql: String,
        deadline: MonotonicTime?,
        _ cancellation: Cancellation = .stopsCommand
    ) async throws(PostgresError) -> [CommandTag] {
        let answer = try await exchange(deadline: deadline, cancellation) { $0.send(script: sql) }
        if let error = answer.error { throw PostgresError(.server, "", server: error) }
        return answer.tags
    }

    private func attempt(_ query: PostgresQuery, deadline: MonotonicTime?) async throws(PostgresError) -> PostgresRows {
        guard let (entry, isSecondUse) = statements.use(query), isSecondUse else {
            let answer = try await exchange(deadline: deadline) {
                $0.send(sql: query.sql, parameters: query.parameters)
            }
            return try rows(answer, layout: nil)
        }
        if !entry.isPrepared { try await prepare(entry, query, deadline: deadline) }
        let answer = try await exchange(deadline: deadline) {
            $0.send(prepared: entry.name, parameters: query.parameters)
        }
        do throws(PostgresError) {
            let rows = try rows(answer, layout: entry.layout)
            entry.layout = rows.layout
            return rows
        } catch {
            if isStalePlan(error) {
                entry.isPrepared = error.sqlState != .invalidStatementName
                statements.remove(entry)
            }
            throw error
        }
    }

    private func prepare(
        _ entry: StatementCache.Entry,
        _ query: PostgresQuery,
        deadline: MonotonicTime?
    ) async throws(PostgresError) {
        // Outside of transactions only: a failure (somebody deallocated all) would abort one.
        if transactionStatus == PQTRANS_IDLE {
            while let name = statements.takeEvicted() {
                _ = try await exchange(deadline: deadline) { $0.send(script: "DEALLOCATE \(name)") }
            }
        }
        let answer = try await exchange(deadline: deadline) {
            $0.sendPrepare(name: entry.name, sql: query.sql, parameters: query.parameters)
        }
        if let error = answer.error { throw PostgresError(.server, "", server: error) }
        entry.isPrepared = true
    }

    private func rows(_ answer: Answer, layout: ColumnLayout?) throws(PostgresError) -> PostgresRows {
        if let error = answer.error { throw PostgresError(.server, "", server: error) }
        guard let result = answer.result else {
            throw PostgresError(.unexpectedResult, "the server answered without a result")
        }
        return PostgresRows(result: result, layout: layout ?? ColumnLayout(of: result))
    }

    /// Whether the server refused a prepared statement because something changed underneath, not for what it does.
    ///
    /// An error with a context was raised by something that the statement ran, which may have committed.
    private func isStalePlan(_ error: PostgresError) -> Bool {
        guard let server = error.server else { return false }
        return switch server.sqlState {
        case .featureNotSupported: server.routine == "RevalidateCachedQuery" && server.context == nil
        case .invalidStatementName: server.context == nil
        // A parameter's type (an enum) was dropped and made anew: found when its value is read, before anything runs.
        case .internalError:
            server.routine?.hasPrefix("getType") == true && server.message.hasPrefix("cache lookup failed for type")
        default: false
        }
    }
}
