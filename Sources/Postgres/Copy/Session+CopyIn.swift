import CLibPQ
import Foundation

extension Session {
    /// A message of this size at most goes to libpq at once.
    private static let copyChunkSize = 64 << 10
    /// How long the server may take to fail a COPY that was abandoned before it is told to stop.
    private static let copyFailGrace = Duration.milliseconds(50)

    /// Looks up the table's columns and begins COPY into it; ``endCopyIn(_:)`` or ``abortCopyIn(_:)`` ends it.
    func openCopyIn(
        table: String,
        columns names: [String]?,
        timeout: Duration?
    ) async throws(PostgresError) -> (id: UInt64, columns: [CopyColumn], types: [PostgresType: PostgresTypeInfo]) {
        let deadline = deadline(timeout)
        try await takeTurn(until: deadline)
        do throws(PostgresError) {
            var columns: [CopyColumn] = []
            for row in try await attempt(CopyColumn.query(ofTable: table), deadline: deadline) {
                columns.append(try CopyColumn(row))
            }
            if let names { columns = names.compactMap { name in columns.first { $0.name == name } } }
            let list = (names ?? columns.map(\.name)).map(PostgresQuery.quote(identifier:)).joined(separator: ", ")
            let statement = "COPY \(table)\(list.isEmpty ? "" : " (\(list))") FROM STDIN (FORMAT binary)"
            let own = columns.map(\.type).filter(\.isUserDefined)
            let types = try await database.types.all(own) { question throws(PostgresError) in
                try await attempt(question, deadline: deadline)
            }
            return (try await beginCopyIn(PostgresQuery(unsafeSQL: statement), deadline: deadline), columns, types)
        } catch {
            endTurn()
            throw error
        }
    }

    /// Begins a COPY FROM STDIN.
    func openCopyIn(_ query: PostgresQuery, timeout: Duration?) async throws(PostgresError) -> UInt64 {
        try query.check()
        let deadline = deadline(timeout)
        try await takeTurn(until: deadline)
        do throws(PostgresError) {
            return try await beginCopyIn(query, deadline: deadline)
        } catch {
            endTurn()
            throw error
        }
    }

    private func beginCopyIn(_ query: PostgresQuery, deadline: MonotonicTime?) async throws(PostgresError) -> UInt64 {
        let answer = try await exchange(deadline: deadline, beginsCopyIn: true) {
            $0.send(sql: query.sql, parameters: query.parameters)
        }
        // What is no COPY has run all the same.
        statements.noteEffects(of: answer.tags, sql: query.sql)
        if let error = answer.error { throw PostgresError(.server, "", server: error) }
        guard answer.result?.status == PGRES_COPY_IN else {
            throw PostgresError(.unexpectedResult, "the statement is no COPY FROM STDIN")
        }
        return makeCursor(.copyIn, query.sql, savepoint: nil, deadline: deadline).id
    }

    /// Sends bytes, and waits until libpq's buffer is empty again.
    func putCopyData(_ bytes: [UInt8], _ id: UInt64) async throws(PostgresError) {
        guard let cursor, cursor.id == id else { throw .scopeEnded }
        guard !cursor.isFetching else {
            throw PostgresError(.unexpectedResult, "another task is writing to the COPY already")
        }
        if let failure = cursor.failure { throw failure }
        guard let handle, let watch else { throw closedError() }
        cursor.isFetching = true
        defer { cursor.isFetching = false }
        let failure = await withTaskCancellationHandler {
            await put(bytes, cursor, handle, watch)
        } onCancel: {
            watch.interrupt()
        }
        watch.clearInterruption()
        if let failure {
            cursor.failure = failure
            throw failure
        }
    }

    private func put(
        _ bytes: [UInt8],
        _ cursor: RowCursor,
        _ handle: ConnectionHandle,
        _ watch: SocketWatch
    ) async -> PostgresError? {
        var offset = 0
        while offset < bytes.count {
            if Task.isCancelled { return Stop.cancelled.error }
            if let deadline = cursor.progress.deadline, deadline <= .now() { return Stop.deadline.error }
            let end = min(offset + Self.copyChunkSize, bytes.count)
            let taken = unsafe bytes.withUnsafeBytes {
                unsafe handle.putCopyData(UnsafeRawBufferPointer(rebasing: $0[offset..<end]))
            }
            guard taken >= 0 else { return lost(handle) }
            if taken == 1 { offset = end }
            if let failure = await drainCopyBuffer(cursor, handle, watch) { return failure }
            guard !cursor.hasServerSpoken(handle) else { return await earlyError(cursor, handle, watch) }
        }
        return nil
    }

    private func drainCopyBuffer(
        _ cursor: RowCursor,
        _ handle: ConnectionHandle,
        _ watch: SocketWatch
    ) async -> PostgresError? {
        var ownWaits = 1
        while true {
            let unsent = handle.flush()
            guard unsent >= 0 else { return lost(handle) }
            guard unsent > 0 else { return nil }
            let wake = await watch.waitForAnswer(
                [.read, .write],
                until: cursor.progress.deadline,
                ownWaits: &ownWaits,
                isolation: self
            )
            switch wake {
            case .ready where !cursor.hasServerSpoken(handle): break
            case .ready: return await earlyError(cursor, handle, watch)
            case .failed: return lost(handle)
            // Nothing is cancelled here: ending the COPY with an error stops it.
            case .deadline: return Stop.deadline.error
            case .interrupted: return Stop.cancelled.error
            }
        }
    }

    /// The error that ended the COPY on the server's side while data was still being sent.
    private func earlyError(
        _ cursor: RowCursor,
        _ handle: ConnectionHandle,
        _ watch: SocketWatch
    ) async -> PostgresError {
        cursor.isComplete = true
        handle.refuseCopy(reason: "the client stopped because the server had reported an error")
        let deadline = MonotonicTime.after(configuration.cancelTimeout)
        switch await receive(handle, watch, deadline: deadline) {
        case .failure(let error): return error
        case .success(let answer): return copyError(answer.error)
        }
    }

    private func copyError(_ error: ServerError?) -> PostgresError {
        guard let error else { return PostgresError(.unexpectedResult, "the server ended the COPY without an error") }
        return PostgresError(.server, error.copyLine.map { "COPY, line \($0)" } ?? "", server: error)
    }

    /// Ends a COPY whose data is complete and returns the number of rows.
    func endCopyIn(_ id: UInt64) async throws(PostgresError) -> Int {
        guard let cursor, cursor.id == id else { throw .scopeEnded }
        defer {
            self.cursor = nil
            endTurn()
        }
        guard !cursor.isFetching else {
            close("the scope of a COPY ended while another task was writing; the connection was closed")
            throw closedError()
        }
        if let failure = cursor.failure {
            await failCopy(cursor)
            throw failure
        }
        guard let handle, let watch else { throw closedError() }
        // Non-blocking, it may ask to be tried again, but not once the buffer is empty, as it is here.
        guard handle.endCopy() == 1 else { throw lost(handle) }
        let answer = await withTaskCancellationHandler {
            await receive(handle, watch, deadline: cursor.progress.deadline)
        } onCancel: {
            watch.interrupt()
        }
        watch.clearInterruption()
        let complete = try answer.get()
        if complete.error != nil { throw copyError(complete.error) }
        return complete.tags.last?.rowCount ?? 0
    }

    /// Ends a COPY with an error, so that the server keeps nothing of it.
    func abortCopyIn(_ id: UInt64) async {
        guard let cursor, cursor.id == id else { return }
        defer {
            self.cursor = nil
            endTurn()
        }
        guard !cursor.isFetching else {
            return close("the scope of a COPY ended while another task was writing; the connection was closed")
        }
        await failCopy(cursor)
    }

    private func failCopy(_ cursor: RowCursor) async {
        guard !cursor.isComplete, let handle, let watch else { return }
        cursor.isComplete = true
        handle.refuseCopy(reason: "the client did not finish")
        _ = await receive(handle, watch, deadline: MonotonicTime.after(Self.copyFailGrace))
    }
}

extension RowCursor {
    /// Whether the server has said something during COPY IN that is no notice: an error, then.
    ///
    /// libpq tells of an error only at the end of a COPY. What it cannot parse in this state stays in its buffer, and a
    /// notice may come in pieces: only what stays unexplained for a while counts.
    func hasServerSpoken(_ handle: ConnectionHandle) -> Bool {
        if handle.isReadable() {
            let notices = handle.noticeCount
            _ = handle.consumeInput()
            _ = handle.isBusy
            unexplainedInput = handle.noticeCount == notices ? (unexplainedInput ?? .now()) : nil
        }
        guard let unexplainedInput else { return false }
        return MonotonicTime.now().nanoseconds &- unexplainedInput.nanoseconds > 20_000_000
    }
}

extension ServerError {
    /// The line, or row, of a COPY that the context names.
    fileprivate var copyLine: String? {
        guard let context, context.hasPrefix("COPY "), let comma = context.range(of: ", line ") else { return nil }
        let digits = context[comma.upperBound...].prefix { $0.isNumber }
        return digits.isEmpty ? nil : String(digits)
    }
}
