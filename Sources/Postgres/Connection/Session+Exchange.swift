import CLibPQ
import Logging

extension Session {
    /// What a command came to.
    struct Answer {
        /// The last result; of a query the only one.
        var result: ResultHandle?
        var tags: [CommandTag] = []
        /// The first error; later ones only follow from it.
        var error: ServerError?
    }

    /// Why a command was stopped before its end.
    enum Stop {
        case cancelled
        case deadline

        init(isDeadline: Bool) {
            self = isDeadline ? .deadline : .cancelled
        }

        var error: PostgresError {
            switch self {
            case .cancelled: PostgresError(.cancelled, "the task was cancelled; the server stopped the statement")
            case .deadline: PostgresError(.deadlineExceeded, "the timeout passed; the server stopped the statement")
            }
        }

        var errorBeforeSending: PostgresError {
            let reason = self == .cancelled ? "the task was cancelled" : "the timeout passed"
            return PostgresError(
                self == .cancelled ? .cancelled : .deadlineExceeded,
                "\(reason) before the statement was sent",
                nothingWasSent: true
            )
        }
    }

    /// Whether cancelling the task stops the command.
    ///
    /// COMMIT and clean-up must come to their end.
    enum Cancellation {
        case stopsCommand
        case isIgnored
    }

    /// Sends one command and waits for its answer; afterwards the connection is ready for the next, or closed.
    ///
    /// - Throws: connection errors, cancellation, deadlines. A server's error is part of the answer.
    func exchange(
        deadline: MonotonicTime?,
        _ cancellation: Cancellation = .stopsCommand,
        beginsCopyIn: Bool = false,
        _ send: (ConnectionHandle) -> Bool
    ) async throws(PostgresError) -> Answer {
        guard let handle, let watch else { throw closedError() }
        if cancellation == .stopsCommand, Task.isCancelled {
            throw Stop.cancelled.errorBeforeSending
        }
        guard send(handle) else { throw lost(handle) }
        guard cancellation == .stopsCommand else {
            return try await receive(handle, watch, deadline: deadline).get()
        }
        let answer = await withTaskCancellationHandler {
            await receive(handle, watch, deadline: deadline, beginsCopyIn: beginsCopyIn)
        } onCancel: {
            watch.interrupt()
        }
        watch.clearInterruption()
        return try answer.get()
    }

    /// A command under way.
    struct Progress {
        var answer = Answer()
        var deadline: MonotonicTime?
        /// Why the server was told to stop, once it was.
        var stop: Stop?
        /// When to tell it again: a request that reaches the server before the statement does, or while it loads its
        /// compiler, is lost there.
        var tellAgainAt: MonotonicTime?
        /// In how many waits the caller's thread may still wait itself: while a long answer comes, it is others' too.
        var ownWaits = 16

        /// Until when to wait for the socket.
        var wakeAt: MonotonicTime? {
            guard let deadline, let tellAgainAt else { return deadline }
            return min(deadline, tellAgainAt)
        }

        func isDue(_ time: MonotonicTime?) -> Bool {
            time.map { $0 <= .now() } ?? false
        }
    }

    /// Sends what is not sent yet and reads results to the end of the command, or to the begin of a COPY IN.
    func receive(
        _ handle: ConnectionHandle,
        _ watch: SocketWatch,
        deadline: MonotonicTime?,
        beginsCopyIn: Bool = false
    ) async -> Result<Answer, PostgresError> {
        var progress = Progress(deadline: deadline)
        while true {
            let unsent = handle.flush()
            guard unsent >= 0 else { return .failure(lost(handle, progress.answer)) }
            if unsent == 0, !handle.isBusy {
                guard let result = handle.nextResult() else { break }
                if beginsCopyIn, result.status == PGRES_COPY_IN {
                    progress.answer.result = result
                    break
                }
                if let failure = take(result, into: &progress.answer, handle) { return .failure(failure) }
                continue
            }
            let interest: SocketWatch.Interest = unsent > 0 ? [.read, .write] : .read
            if let failure = await advance(&progress, for: interest, handle, watch) { return .failure(failure) }
        }
        return finish(progress.answer, stop: progress.stop, handle)
    }

    /// Waits for the socket once and reads what it has.
    ///
    /// A cancelled task or a deadline that passed makes the server stop; the answer to that is still to be read.
    /// Returns an error when the connection cannot go on.
    func advance(
        _ progress: inout Progress,
        for interest: SocketWatch.Interest,
        _ handle: ConnectionHandle,
        _ watch: SocketWatch
    ) async -> PostgresError? {
        switch await wait(&progress, for: interest, watch) {
        case .ready:
            guard handle.consumeInput() else { return lost(handle, progress.answer) }
            return progress.isDue(progress.tellAgainAt) ? await tellAgain(&progress) : nil
        case .failed:
            return lost(handle, progress.answer)
        case .interrupted where progress.stop != nil:
            // The server was told already, and its answer has a deadline.
            watch.clearInterruption()
            return nil
        case let wake:
            guard progress.stop == nil else { return await tellAgain(&progress) }
            watch.clearInterruption()
            return await stop(&progress, because: wake == .deadline ? .deadline : .cancelled)
        }
    }

    private func wait(
        _ progress: inout Progress,
        for interest: SocketWatch.Interest,
        _ watch: SocketWatch
    ) async -> SocketWatch.Wake {
        await watch.waitForAnswer(
            interest,
            until: progress.wakeAt,
            ownWaits: &progress.ownWaits,
            isolation: self
        )
    }

    /// Tells the server to stop and gives it until `cancelTimeout` to answer.
    func stop(_ progress: inout Progress, because reason: Stop) async -> PostgresError? {
        progress.stop = reason
        progress.deadline = MonotonicTime.after(configuration.cancelTimeout)
        return await tellServer(&progress)
    }

    private func tellAgain(_ progress: inout Progress) async -> PostgresError? {
        progress.isDue(progress.deadline) ? abandon(progress.stop) : await tellServer(&progress)
    }

    private func tellServer(_ progress: inout Progress) async -> PostgresError? {
        guard await requestCancel(until: progress.deadline) else { return abandon(progress.stop) }
        progress.tellAgainAt = MonotonicTime.after(.milliseconds(500))
        return nil
    }

    /// Judges a complete answer: success is told as such even when a cancel request came too late.
    func finish(_ answer: Answer, stop: Stop?, _ handle: ConnectionHandle) -> Result<Answer, PostgresError> {
        guard handle.isOK else { return .failure(lost(handle, answer)) }
        if transactionStatus != PQTRANS_INERROR { abortCause = nil }
        if transactionStatus == PQTRANS_IDLE { holdsTransaction = false }
        if handle.takeUnreplicatedCommit() { return .failure(.unreplicatedCommit(answer.error)) }
        if let stop, let error = answer.error, error.sqlState == .queryCanceled {
            var reported = stop.error
            reported.server = error
            noteAbort(reported)
            return .failure(reported)
        }
        if let error = answer.error { noteAbort(PostgresError(.server, "", server: error)) }
        return .success(answer)
    }

    func noteAbort(_ error: PostgresError) {
        if transactionStatus == PQTRANS_INERROR, abortCause == nil { abortCause = error }
    }

    /// Adds a result to the answer; returns an error when the connection cannot go on.
    func take(_ result: ResultHandle, into answer: inout Answer, _ handle: ConnectionHandle) -> PostgresError? {
        switch result.status {
        case PGRES_EMPTY_QUERY:
            answer.result = result
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
            answer.result = result
            answer.tags.append(CommandTag(result.commandTag))
        case PGRES_COPY_IN:
            handle.refuseCopy(reason: "COPY FROM STDIN needs a program that sends the data")
        case PGRES_COPY_OUT, PGRES_COPY_BOTH:
            close("COPY TO STDOUT was run as a query; the connection was closed")
            return PostgresError(.unexpectedResult, "COPY TO STDOUT cannot be run as a query")
        default:
            guard let error = result.serverError else { return lost(handle, answer) }
            answer.error = answer.error ?? error
        }
        return nil
    }

    /// Asks the server to stop, on another connection of libpq's, and waits until that request is done with.
    ///
    /// Returns false when it is still under way at the deadline: it could hit a later command then.
    private func requestCancel(until deadline: MonotonicTime?) async -> Bool {
        guard let cancelHandle else { return true }
        let delivered = await BlockingCalls.cancellation.run(until: deadline, isolation: self) {
            cancelHandle.request()
        }
        if delivered != true {
            configuration.logger.warning("a cancel request could not be delivered to the server")
        }
        return delivered != nil
    }

    /// The server did not answer the cancel request: nothing is known of the session any more.
    private func abandon(_ stop: Stop?) -> PostgresError {
        let reason = "the server did not answer a cancel request within \(configuration.cancelTimeout)"
        close(reason + "; the connection was closed")
        var error = (stop ?? .cancelled).error
        error.isOutcomeOpen = true
        error.message = stop == .deadline ? "the timeout passed and \(reason)" : "the task was cancelled and \(reason)"
        return error
    }

    /// Closes a connection that broke and says why: in the server's last words, where they arrived.
    func lost(_ handle: ConnectionHandle, _ answer: Answer = Answer()) -> PostgresError {
        let server = answer.error ?? handle.lastWords()
        let text = handle.errorMessage
        let reason = server != nil || text.isEmpty ? "the connection to the server was lost" : text
        let error = PostgresError(.connectionClosed, reason, server: server)
        close(server == nil && !text.isEmpty ? "the connection was lost: \(text)" : error.description)
        return error
    }
}
