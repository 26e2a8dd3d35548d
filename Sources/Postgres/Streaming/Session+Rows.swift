import CLibPQ

extension Session {
    /// What a scope that reads rows begins with.
    struct OpenedRows: Sendable {
        let id: UInt64
        let layout: ColumnLayout
        let first: RowBatch
    }

    /// How much of an abandoned result is read to its end rather than cancelled.
    private static let drainLimit = (rows: 2048, duration: Duration.milliseconds(10))
    private static let chunkSize: Int32 = 256

    /// Takes the turn, sends the statement and waits for its first rows; ``closeCursor(_:)`` gives the turn back.
    func openRows(_ query: PostgresQuery, timeout: Duration?) async throws(PostgresError) -> OpenedRows {
        try query.check()
        let deadline = deadline(timeout)
        try await takeTurn(until: deadline)
        do throws(PostgresError) {
            return try await openRowsInTurn(query, deadline: deadline)
        } catch {
            cursor = nil
            endTurn()
            throw error
        }
    }

    private func openRowsInTurn(
        _ query: PostgresQuery,
        deadline: MonotonicTime?
    ) async throws(PostgresError) -> OpenedRows {
        let savepoint = try await makeSavepoint(deadline: deadline)
        let bound = try await bind(query, deadline: deadline)
        do throws(PostgresError) {
            return try await sendForRows(bound, savepoint: savepoint, deadline: deadline)
        } catch {
            guard let renewed = try await renew(query, bound, after: error, deadline: deadline) else { throw error }
            return try await sendForRows(renewed, savepoint: savepoint, deadline: deadline)
        }
    }

    /// A savepoint where a transaction is open, so that a statement that is stopped early does not abort it.
    func makeSavepoint(deadline: MonotonicTime?) async throws(PostgresError) -> String? {
        guard transactionStatus == PQTRANS_INTRANS else { return nil }
        savepoints += 1
        let name = "sp\(savepoints)"
        _ = try await run(script: "SAVEPOINT \(name)", deadline: deadline)
        return name
    }

    private func sendForRows(
        _ query: PostgresQuery,
        savepoint: String?,
        deadline: MonotonicTime?
    ) async throws(PostgresError) -> OpenedRows {
        var prepared: StatementCache.Entry?
        if let (entry, isDue) = cached(query), isDue {
            if !entry.isPrepared { try await prepare(entry, query, deadline: deadline) }
            prepared = entry
        }
        if Task.isCancelled { throw Stop.cancelled.errorBeforeSending }
        guard let handle else { throw closedError() }
        let isSent =
            prepared.map { handle.send(prepared: $0.name, parameters: query.parameters) }
            ?? handle.send(sql: query.sql, parameters: query.parameters)
        guard isSent, handle.setRowMode(chunk: Self.chunkSize) else { throw lost(handle) }
        do throws(PostgresError) {
            let cursor = makeCursor(.query, query.sql, savepoint: savepoint, deadline: deadline)
            return try await firstRows(cursor, prepared)
        } catch {
            if let prepared, isStalePlan(error) { forget(prepared, because: error) }
            throw error
        }
    }

    func makeCursor(
        _ source: RowCursor.Source,
        _ sql: String,
        savepoint: String?,
        deadline: MonotonicTime?
    ) -> RowCursor {
        scopes += 1
        let cursor = RowCursor(id: scopes, source: source, sql: sql, savepoint: savepoint, deadline: deadline)
        self.cursor = cursor
        return cursor
    }

    private func firstRows(
        _ cursor: RowCursor,
        _ entry: StatementCache.Entry?
    ) async throws(PostgresError) -> OpenedRows {
        cursor.layout = entry?.layout
        let first = try await fetch(cursor.id) ?? RowBatch()
        guard let layout = cursor.layout else {
            throw PostgresError(.unexpectedResult, "the server answered without a result")
        }
        entry?.layout = layout
        return OpenedRows(id: cursor.id, layout: layout, first: first)
    }

    /// The next rows, or nil at the end.
    ///
    /// - Throws: the statement's error, once; `cancelled`, `deadlineExceeded` when the server was told to stop.
    func fetch(_ id: UInt64) async throws(PostgresError) -> RowBatch? {
        guard let cursor, cursor.id == id else { throw PostgresError.scopeEnded }
        guard !cursor.isFetching else {
            throw PostgresError(.unexpectedResult, "the rows are being read by another task already")
        }
        if let failure = cursor.failure {
            cursor.failure = nil
            throw failure
        }
        guard !cursor.isComplete else { return nil }
        guard let handle, let watch else { throw closedError() }
        cursor.isFetching = true
        defer { cursor.isFetching = false }
        let batch = await withTaskCancellationHandler {
            await collect(cursor, handle, watch)
        } onCancel: {
            watch.interrupt()
        }
        watch.clearInterruption()
        if batch.isEmpty, let failure = cursor.failure {
            cursor.failure = nil
            throw failure
        }
        return batch.isEmpty ? nil : batch
    }

    /// Reads rows until a batch is full, or would have to wait with rows at hand, or the statement ended.
    private func collect(_ cursor: RowCursor, _ handle: ConnectionHandle, _ watch: SocketWatch) async -> RowBatch {
        var progress = cursor.progress
        var batch = RowBatch()
        defer { cursor.progress = progress }
        // With rows always at hand nothing waits, and nothing would be noticed.
        if let reason = stopReason(progress), let failure = await stop(&progress, because: reason) {
            cursor.fail(failure)
            return batch
        }
        while !cursor.isComplete, !batch.isFull {
            let unsent = handle.flush()
            guard unsent >= 0 else {
                cursor.fail(lost(handle, progress.answer))
                break
            }
            if unsent == 0, read(cursor, &progress, into: &batch, handle) { continue }
            guard !cursor.isComplete, batch.isEmpty else { break }
            let interest: SocketWatch.Interest = unsent > 0 ? [.read, .write] : .read
            if let failure = await advance(&progress, for: interest, handle, watch) { cursor.fail(failure) }
        }
        return batch
    }

    private func stopReason(_ progress: Progress) -> Stop? {
        guard progress.stop == nil else { return nil }
        if Task.isCancelled { return .cancelled }
        guard let deadline = progress.deadline, deadline <= .now() else { return nil }
        return .deadline
    }

    /// Takes one result that is at hand; false when there is none, or the statement ended.
    private func read(
        _ cursor: RowCursor,
        _ progress: inout Progress,
        into batch: inout RowBatch,
        _ handle: ConnectionHandle
    ) -> Bool {
        if cursor.isCopying {
            switch handle.nextCopyMessage() {
            case .data(let bytes):
                if progress.stop == nil { batch.append(bytes) }
                return true
            case .wait: return false
            case .end: cursor.isCopying = false
            }
        }
        guard !handle.isBusy else { return false }
        guard let result = handle.nextResult() else {
            complete(cursor, progress, handle)
            return false
        }
        if cursor.layout == nil, result.columnCount > 0 || result.status == PGRES_COMMAND_OK {
            cursor.layout = ColumnLayout(of: result, database.types)
        }
        switch result.status {
        case PGRES_SINGLE_TUPLE, LoadedLibPQ.tuplesChunk:
            if progress.stop == nil { batch.append(result) }
        case PGRES_COPY_OUT where cursor.source == .copyOut:
            (cursor.hasCopyBegun, cursor.isCopying) = (true, true)
        default:
            if let failure = take(result, into: &progress.answer, handle) { cursor.fail(failure) }
        }
        return !cursor.isComplete
    }

    /// Judges a statement that ended: stopped, it has not delivered all, whatever the server says.
    private func complete(_ cursor: RowCursor, _ progress: Progress, _ handle: ConnectionHandle) {
        switch finish(progress.answer, stop: progress.stop, handle) {
        case .failure(let error): cursor.fail(error)
        case .success(let answer):
            cursor.isComplete = true
            statements.noteEffects(of: answer.tags, sql: cursor.sql)
            if let error = answer.error {
                cursor.fail(PostgresError(.server, "", server: error))
            } else if let stop = progress.stop {
                cursor.fail(stop.error)
            }
        }
    }

    /// Ends a scope that reads rows: what is left is read to its end when little, otherwise the server is told to stop.
    ///
    /// Afterwards the connection is ready for the next command, or closed, and the turn is given back.
    ///
    /// - Returns: the statement's error where nobody has seen it yet.
    func closeCursor(_ id: UInt64) async -> PostgresError? {
        guard let cursor, cursor.id == id else { return nil }
        defer {
            self.cursor = nil
            endTurn()
        }
        guard !cursor.isFetching else {
            // Only with a reader that outlives its scope; it is woken by this and fails.
            close("the scope ended while another task was reading its rows; the connection was closed")
            return PostgresError(.unexpectedResult, "the scope ended while another task was reading its rows")
        }
        var isStopped = false
        if !cursor.isComplete, let handle, let watch {
            isStopped = await drain(cursor, handle, watch)
        }
        var failure = cursor.failure
        if isStopped, failure?.code == .cancelled { failure = nil }
        return await settle(cursor.savepoint, isStopped: isStopped && failure == nil) ?? failure
    }

    /// Reads and drops what is left; returns whether the server had to be told to stop.
    private func drain(_ cursor: RowCursor, _ handle: ConnectionHandle, _ watch: SocketWatch) async -> Bool {
        var progress = cursor.progress
        let grace = MonotonicTime.after(Self.drainLimit.duration)
        var remaining = Self.drainLimit.rows
        while !cursor.isComplete {
            var dropped = RowBatch()
            while !dropped.isFull, read(cursor, &progress, into: &dropped, handle) { remaining -= 1 }
            guard !cursor.isComplete else { break }
            if progress.stop == nil, remaining <= 0 {
                if let failure = await stop(&progress, because: .cancelled) { cursor.fail(failure) }
                continue
            }
            guard progress.stop == nil else {
                if let failure = await advance(&progress, for: .read, handle, watch) { cursor.fail(failure) }
                continue
            }
            switch await watch.wait(for: .read, until: grace, isolation: self) {
            case .ready where handle.consumeInput(): break
            case .ready, .failed: cursor.fail(lost(handle, progress.answer))
            case .deadline, .interrupted: remaining = 0
            }
        }
        return progress.stop != nil
    }

    /// Leaves the savepoint around a statement, undoing the statement when it was stopped early.
    private func settle(_ savepoint: String?, isStopped: Bool) async -> PostgresError? {
        guard let savepoint, !isClosed else { return nil }
        let isAborted = transactionStatus == PQTRANS_INERROR
        // An error of the statement's own aborts the transaction, as it does without a scope.
        guard !isAborted || isStopped else { return nil }
        let undo = isAborted ? "ROLLBACK TO SAVEPOINT \(savepoint); " : ""
        if isAborted { abortCause = nil }
        do throws(PostgresError) {
            let deadline = MonotonicTime.after(configuration.cancelTimeout)
            _ = try await run(script: "\(undo)RELEASE SAVEPOINT \(savepoint)", deadline: deadline, .isIgnored)
            return nil
        } catch {
            close("the savepoint around a statement could not be left; the connection was closed")
            return error
        }
    }
}

extension RowCursor {
    func fail(_ error: PostgresError) {
        isComplete = true
        failure = failure ?? error
    }
}

extension PostgresError {
    static var scopeEnded: PostgresError {
        PostgresError(.connectionReturned, "used after the scope that lent it", nothingWasSent: true)
    }
}
