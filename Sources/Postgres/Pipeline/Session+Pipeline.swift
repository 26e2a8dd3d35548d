import CLibPQ

extension Session {
    /// As much is handed to libpq before its buffer must be seen empty; the server's buffers come on top.
    private static let sendLimit = 64 << 10
    /// The same for the first portion, so that the server works while the others are made.
    private static let firstSendLimit = 1 << 10

    /// Runs the statements in pipeline mode and fills their slots.
    func run(
        _ statements: [PipelineStatement],
        _ failureMode: PostgresPipeline.FailureMode,
        timeout: Duration?
    ) async throws(PostgresError) {
        for statement in statements { try statement.query.check() }
        let deadline = deadline(timeout)
        try await takeTurn(until: deadline)
        defer { endTurn() }
        guard !statements.isEmpty else { return }
        do throws(PostgresError) {
            try await attempt(try await prepareRun(statements, failureMode, deadline: deadline))
        } catch let stale where stale.code == .stalePipeline {
            for statement in statements { statement.slot.clear() }
            try await attempt(try await prepareRun(statements, failureMode, deadline: deadline))
        }
    }

    /// A run of the statements with the types that are known by name.
    private func prepareRun(
        _ statements: [PipelineStatement],
        _ failureMode: PostgresPipeline.FailureMode,
        deadline: MonotonicTime?
    ) async throws(PostgresError) -> PipelineRun {
        var bound = statements
        for (index, statement) in statements.enumerated() where statement.query.hasNamedTypes {
            bound[index].query = try await bind(statement.query, deadline: deadline)
        }
        return PipelineRun(bound, failureMode, database.types, deadline: deadline)
    }

    private func attempt(_ run: PipelineRun) async throws(PostgresError) {
        try await deallocateEvicted(deadline: run.progress.deadline)
        guard let handle, let watch else { throw closedError() }
        if Task.isCancelled { throw Stop.cancelled.errorBeforeSending }
        guard handle.enterPipeline() else { throw lost(handle) }
        let broken = await withTaskCancellationHandler {
            await exchange(run, handle, watch)
        } onCancel: {
            watch.interrupt()
        }
        watch.clearInterruption()
        if let broken {
            run.failRest(broken)
            throw broken
        }
        try finish(run, handle)
    }

    /// Sends and reads until everything is answered; returns an error when the connection cannot go on.
    private func exchange(_ run: PipelineRun, _ handle: ConnectionHandle, _ watch: SocketWatch) async -> PostgresError?
    {
        while true {
            guard send(run, handle) else { return lost(handle, run.progress.answer) }
            let unsent = handle.flush()
            guard unsent >= 0 else { return lost(handle, run.progress.answer) }
            if unsent == 0 { run.unflushed = 0 }
            // Read while there is more to send: otherwise both ends wait for the other to read.
            if let failure = receive(run, handle) { return failure }
            guard !run.isSent || !run.expected.isEmpty else { return nil }
            guard run.isSent || unsent > 0 else { continue }
            let interest: SocketWatch.Interest = unsent > 0 ? [.read, .write] : .read
            if let failure = await advance(&run.progress, for: interest, handle, watch) { return failure }
        }
    }

    /// Hands statements to libpq until its buffer has enough.
    private func send(_ run: PipelineRun, _ handle: ConnectionHandle) -> Bool {
        let limit = run.next == 0 ? Self.firstSendLimit : Self.sendLimit
        while !run.isSent, run.unflushed < limit {
            if run.isStopped || run.next == run.statements.count {
                return sendEnd(run, handle)
            }
            guard sendNext(run, handle) else { return false }
        }
        return true
    }

    private func sendNext(_ run: PipelineRun, _ handle: ConnectionHandle) -> Bool {
        let index = run.next
        let query = run.statements[index].query
        run.next += 1
        run.unflushed += query.parameters.byteCount + 64
        if let (entry, isDue) = cached(query), isDue {
            if !entry.isPrepared {
                guard handle.sendPrepare(name: entry.name, sql: query.sql, parameters: query.parameters) else {
                    return false
                }
                run.unflushed += query.sql.utf8.count
                // Taken back should it fail; until then those that follow must not prepare it again.
                entry.isPrepared = true
                run.expected.append(.preparation(of: index, entry))
            }
            guard handle.send(prepared: entry.name, parameters: query.parameters) else { return false }
            run.expected.append(.execution(of: index, entry))
        } else {
            guard handle.send(sql: query.sql, parameters: query.parameters) else { return false }
            run.unflushed += query.sql.utf8.count
            run.expected.append(.execution(of: index, nil))
        }
        return run.failureMode == .rollBackAll || sendSync(run, handle)
    }

    private func sendEnd(_ run: PipelineRun, _ handle: ConnectionHandle) -> Bool {
        run.isSent = true
        guard run.failureMode == .rollBackAll else { return true }
        if run.progress.stop != nil, run.next < run.statements.count {
            // The sync would commit what was sent, should the cancel request have come between two statements.
            let brake = """
                DO $$BEGIN RAISE 'the client stopped the pipeline' USING ERRCODE = 'query_canceled'; END$$
                """
            guard handle.send(sql: brake, parameters: ParameterBuffer()) else { return false }
            run.expected.append(.brake)
        }
        return sendSync(run, handle)
    }

    private func sendSync(_ run: PipelineRun, _ handle: ConnectionHandle) -> Bool {
        guard handle.sendSync() else { return false }
        run.expected.append(.sync(after: max(0, run.next - 1)))
        return true
    }

    /// Takes the answers that are at hand; returns an error when the connection cannot go on.
    private func receive(_ run: PipelineRun, _ handle: ConnectionHandle) -> PostgresError? {
        while let awaited = run.expected.first, !handle.isBusy {
            guard let result = handle.nextResult() else {
                // The end of one command's results; of a sync's only when it failed, and its own result still follows.
                if case .sync = awaited { continue }
                run.expected.removeFirst()
                continue
            }
            switch result.status {
            case PGRES_PIPELINE_SYNC:
                if handle.takeUnreplicatedCommit(), case .sync(let index) = awaited {
                    run.failCommit(after: index, .unreplicatedCommit())
                }
                run.expected.removeFirst()
            case PGRES_PIPELINE_ABORTED:
                skip(awaited, run)
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
                if case .execution(let index, let entry) = awaited { succeed(index, result, entry, run) }
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                close("COPY was run in a pipeline; the connection was closed")
                return PostgresError(.unexpectedResult, "COPY cannot be run in a pipeline")
            default:
                guard let error = result.serverError else { return lost(handle, run.progress.answer) }
                run.progress.answer.error = run.progress.answer.error ?? error
                fail(awaited, error, run)
            }
        }
        return nil
    }

    private func succeed(_ index: Int, _ result: ResultHandle, _ entry: StatementCache.Entry?, _ run: PipelineRun) {
        let tag = CommandTag(result.commandTag)
        run.succeed(index, result, tag, entry)
        statements.noteEffect(of: tag, sql: run.statements[index].query.sql)
    }

    private func skip(_ awaited: PipelineRun.Expected, _ run: PipelineRun) {
        switch awaited {
        case .preparation(_, let entry): forget(entry)
        case .execution(let index, _): run.skip(index)
        case .brake, .sync: break
        }
    }

    private func fail(_ awaited: PipelineRun.Expected, _ error: ServerError, _ run: PipelineRun) {
        switch awaited {
        case .preparation(let index, let entry):
            forget(entry)
            run.fail(index, error, name: entry.name, isPreparation: true)
        case .execution(let index, let entry):
            run.fail(index, error, name: entry?.name)
            let failure = PostgresError(.server, "", server: error)
            if let entry, isStalePlan(failure) { forget(entry, because: failure) }
        case .sync(let index):
            let message = "committing \(run.commitSubject(after: index))"
            run.failCommit(after: index, PostgresError(.server, message, server: error))
        case .brake: break
        }
    }

    /// The server does not have the statement after all.
    private func forget(_ entry: StatementCache.Entry) {
        entry.isPrepared = false
        statements.remove(entry)
    }

    /// Leaves pipeline mode and judges what came.
    private func finish(_ run: PipelineRun, _ handle: ConnectionHandle) throws(PostgresError) {
        run.failRest(PostgresError(.notExecuted, "the statement was not executed"))
        guard handle.isOK, handle.exitPipeline() else { throw lost(handle, run.progress.answer) }
        if transactionStatus != PQTRANS_INERROR { abortCause = nil }
        let isUndone = run.failure.map { $0.error.code != .commitOutcomeUnknown } ?? false
        if transactionStatus == PQTRANS_IDLE { statements.noteEnd(isUndone: isUndone) }
        if let failure = run.failure {
            noteAbort(failure.error)
            if run.failureMode == .rollBackAll {
                guard isRepeatable(run, failure.error) else { throw failure.error }
                throw PostgresError(.stalePipeline, "")
            }
        }
        // Stopped before everything was sent; stopped afterwards, what finished in that moment is a success.
        if let stop = run.progress.stop, run.next < run.statements.count || run.failure?.error.code == stop.error.code {
            throw stop.error
        }
    }

    /// Whether a plan was stale, and everything before it is undone for certain: then all of it can be sent again.
    private func isRepeatable(_ run: PipelineRun, _ error: PostgresError) -> Bool {
        run.isRepeatable && run.progress.stop == nil && transactionStatus == PQTRANS_IDLE && isStalePlan(error)
    }
}

extension PostgresError.Code {
    /// Between two attempts of a pipeline; never leaves the session.
    fileprivate static let stalePipeline = Self("stalePipeline")
}
