import CLibPQ

extension Session {
    /// Runs one statement, from the cache of prepared ones when it was seen before.
    func query(_ query: PostgresQuery, timeout: Duration?) async throws(PostgresError) -> PostgresRows {
        try query.check()
        let deadline = deadline(timeout)
        try await takeTurn(until: deadline)
        defer { endTurn() }
        do throws(PostgresError) {
            return try await queryInTurn(query, deadline: deadline)
        } catch {
            throw judged(error, of: query.sql)
        }
    }

    private func queryInTurn(_ query: PostgresQuery, deadline: MonotonicTime?) async throws(PostgresError)
        -> PostgresRows
    {
        let bound = query.hasNamedTypes ? try await bind(query, deadline: deadline) : query
        do throws(PostgresError) {
            return try await attempt(bound, deadline: deadline)
        } catch {
            guard let renewed = try await renew(query, bound, after: error, deadline: deadline) else { throw error }
            return try await attempt(renewed, deadline: deadline)
        }
    }

    /// The error of a statement, told as definite where the connection was lost within a transaction: the server rolls
    /// that back, unless the statement itself ended it.
    private func judged(_ error: PostgresError, of sql: String) -> PostgresError {
        guard isClosed, holdsTransaction, !Self.mayEndTransaction(sql) else { return error }
        return error.withoutCommit()
    }

    /// Whether a text has words that end a transaction, other than `END` of `CASE`; it may have them without ending one.
    private static func mayEndTransaction(_ sql: String) -> Bool {
        let words = sql.lowercased().split { !$0.isLetter && $0 != "_" }
        guard !words.contains("commit"), !words.contains("prepare") else { return true }
        return words.count { $0 == "end" } > words.count { $0 == "case" }
    }

    /// The query with the OIDs of those parameters whose types are known by name.
    func bind(_ query: PostgresQuery, deadline: MonotonicTime?) async throws(PostgresError) -> PostgresQuery {
        guard query.hasNamedTypes else { return query }
        let names = query.parameters.named.map(\.name)
        let found: PostgresTypeCatalog.Found
        do throws(PostgresError) {
            found = try await database.types.types(named: names) { question throws(PostgresError) in
                try await attempt(question, deadline: deadline)
            }
        } catch {
            throw error.withoutCommit()
        }
        var bound = query
        try bound.parameters.resolve(found)
        return bound
    }

    /// What to send in place of a statement that was refused because a migration ran underneath: outside a transaction
    /// nothing is lost by preparing it anew, with types looked up anew; nil when the error is to be reported.
    func renew(
        _ query: PostgresQuery,
        _ sent: PostgresQuery,
        after error: PostgresError,
        deadline: MonotonicTime?
    ) async throws(PostgresError) -> PostgresQuery? {
        let isStale = isStalePlan(error)
        guard isStale || (query.hasNamedTypes && mayHaveStaleTypes(error)) else { return nil }
        if query.hasNamedTypes { database.types.invalidate() }
        guard transactionStatus == PQTRANS_IDLE else { return nil }
        let renewed = try await bind(query, deadline: deadline)
        return isStale || !renewed.parameters.isSame(as: sent.parameters) ? renewed : nil
    }

    /// Whether types that were dropped and made anew, or changed, can be the reason why the server refused a statement.
    private func mayHaveStaleTypes(_ error: PostgresError) -> Bool {
        guard let server = error.server else { return false }
        return switch server.sqlState {
        // While a parameter is read, or before: nothing has run.
        case _ where server.routine == "record_recv" || server.routine == "array_recv": true
        case .syntaxErrorOrAccessRuleViolation, .internalError: server.context == nil
        default: false
        }
    }

    /// Runs text of any number of statements by the simple protocol.
    func script(
        _ sql: String,
        timeout: Duration?,
        _ cancellation: Cancellation = .stopsCommand
    ) async throws(PostgresError) -> [CommandTag] {
        try Self.refuseNUL(in: sql)
        let deadline = deadline(timeout)
        try await takeTurn(until: deadline, cancellation)
        defer { endTurn() }
        do throws(PostgresError) {
            return try await run(script: sql, deadline: deadline, cancellation)
        } catch {
            throw judged(error, of: sql)
        }
    }

    /// C would take the text before it for the whole.
    static func refuseNUL(in sql: String) throws(PostgresError) {
        guard sql.utf8.contains(0) else { return }
        throw PostgresError(.encodingFailed, "the script holds a NUL character", nothingWasSent: true)
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
        statements.noteEffects(of: answer.tags, sql: sql)
        if let error = answer.error { throw PostgresError(.server, "", server: error) }
        return answer.tags
    }

    func attempt(_ query: PostgresQuery, deadline: MonotonicTime?) async throws(PostgresError) -> PostgresRows {
        guard let (entry, isDue) = cached(query), isDue else {
            let answer = try await exchange(deadline: deadline) {
                $0.send(sql: query.sql, parameters: query.parameters)
            }
            statements.noteEffects(of: answer.tags, sql: query.sql)
            return try rows(answer, layout: nil)
        }
        do throws(PostgresError) {
            if !entry.isPrepared { try await prepare(entry, query, deadline: deadline) }
            let answer = try await exchange(deadline: deadline) {
                $0.send(prepared: entry.name, parameters: query.parameters)
            }
            statements.noteEffects(of: answer.tags, sql: query.sql)
            let rows = try rows(answer, layout: entry.layout)
            entry.layout = rows.layout
            return rows
        } catch {
            if isStalePlan(error) { forget(entry, because: error) }
            throw hinted(error)
        }
    }

    /// Forgets a statement that the server refused as stale; where a migration is the reason, others are stale too.
    func forget(_ entry: StatementCache.Entry, because error: PostgresError) {
        entry.isPrepared = entry.isPrepared && error.sqlState != .invalidStatementName
        statements.remove(entry)
        if error.sqlState == .featureNotSupported || error.sqlState == .internalError { database.noteChange() }
    }

    /// Says what to change when a pooler mixes up sessions.
    private func hinted(_ error: PostgresError) -> PostgresError {
        guard isPooled, let state = error.sqlState, state == .invalidStatementName || state == .duplicateStatement
        else {
            return error
        }
        var hinted = error
        hinted.message = "the pooler does not keep prepared statements: use statementCaching .disabled or .automatic"
        return hinted
    }

    /// Lets the server forget statements that the cache has pushed out.
    func deallocateEvicted(deadline: MonotonicTime?) async throws(PostgresError) {
        // Outside of transactions only: a failure (somebody deallocated all) would abort one.
        guard transactionStatus == PQTRANS_IDLE else { return }
        while !statements.evicted.isEmpty {
            let script = statements.evicted.map { "DEALLOCATE \($0)" }.joined(separator: ";")
            let answer = try await exchange(deadline: deadline) { $0.send(script: script) }
            // The server stops at a name that it has forgotten by itself.
            statements.noteDeallocated(answer.tags.count + (answer.error == nil ? 0 : 1))
        }
    }

    func prepare(
        _ entry: StatementCache.Entry,
        _ query: PostgresQuery,
        deadline: MonotonicTime?
    ) async throws(PostgresError) {
        let answer: Answer
        do throws(PostgresError) {
            try await deallocateEvicted(deadline: deadline)
            answer = try await exchange(deadline: deadline) {
                $0.sendPrepare(name: entry.name, sql: query.sql, parameters: query.parameters)
            }
        } catch {
            throw error.withoutCommit()
        }
        if let error = answer.error { throw PostgresError(.server, "", server: error) }
        entry.isPrepared = true
    }

    private func rows(_ answer: Answer, layout: ColumnLayout?) throws(PostgresError) -> PostgresRows {
        if let error = answer.error { throw PostgresError(.server, "", server: error) }
        guard let result = answer.result else {
            throw PostgresError(.unexpectedResult, "the server answered without a result")
        }
        return PostgresRows(result: result, layout: layout ?? ColumnLayout(of: result, database.types))
    }

    /// Whether the server refused a prepared statement because something changed underneath, not for what it does.
    ///
    /// An error with a context was raised by something that the statement ran, which may have committed.
    func isStalePlan(_ error: PostgresError) -> Bool {
        guard let server = error.server else { return false }
        return switch server.sqlState {
        case .featureNotSupported: server.routine == "RevalidateCachedQuery" && server.context == nil
        case .invalidStatementName, .duplicateStatement: server.context == nil
        // A parameter's type (an enum) was dropped and made anew: found when its value is read, before anything runs.
        case .internalError:
            server.routine?.hasPrefix("getType") == true && server.message.hasPrefix("cache lookup failed for type")
        default: false
        }
    }
}
