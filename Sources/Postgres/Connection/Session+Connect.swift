import CLibPQ
import Logging

extension Session {
    /// Connects and prepares the session; an open session is returned or an error thrown, nothing between.
    static func open(_ configuration: PostgresConfiguration) async throws(PostgresError) -> Session {
        let session = Session(configuration)
        try await session.connect()
        return session
    }

    private func connect() async throws(PostgresError) {
        let poller = try Poller.shared.get()
        let deadline = MonotonicTime.after(configuration.connectTimeout)
        let handle = try await start(until: deadline)
        try await negotiate(handle, poller, until: deadline)
        guard handle.setNonblocking() else { throw failure(handle) }
        watch = try poller.watch(handle.socket)
        cancelHandle = handle.makeCancelHandle()
        self.handle = handle
        try await applySettings(deadline)
    }

    private func start(until deadline: MonotonicTime?) async throws(PostgresError) -> ConnectionHandle {
        let parameters = configuration.parameters
        let logger = configuration.logger
        let started: ConnectionHandle??
        if configuration.needsNameResolution {
            started = await BlockingCalls.connecting.run(until: deadline, isolation: self) {
                ConnectionHandle(parameters: parameters, logger: logger)
            }
        } else {
            started = .some(ConnectionHandle(parameters: parameters, logger: logger))
        }
        guard let answered = started else { throw timedOut() }
        guard let handle = answered else { throw PostgresError(.connectionFailed, "out of memory") }
        guard handle.isOK || handle.socket >= 0 else { throw failure(handle) }
        return handle
    }

    /// Drives `PQconnectPoll`.
    ///
    /// The socket is asked for after each step: it changes between hosts.
    private func negotiate(
        _ handle: ConnectionHandle,
        _ poller: Poller,
        until deadline: MonotonicTime?
    ) async throws(PostgresError) {
        var next = PGRES_POLLING_WRITING
        while next != PGRES_POLLING_OK {
            guard next != PGRES_POLLING_FAILED, handle.socket >= 0 else { throw failure(handle) }
            let step = try poller.watch(handle.socket)
            let interest: SocketWatch.Interest = next == PGRES_POLLING_READING ? .read : .write
            let wake = await withTaskCancellationHandler {
                await step.wait(for: interest, until: deadline, isolation: self)
            } onCancel: {
                step.interrupt()
            }
            step.stop()
            switch wake {
            case .ready: break
            case .deadline: throw timedOut(handle)
            case .interrupted: throw PostgresError(.cancelled, "the task was cancelled while connecting")
            case .failed: throw PostgresError(.connectionFailed, "the socket cannot be watched")
            }
            next = try await poll(handle, until: deadline)
        }
    }

    private func poll(
        _ handle: ConnectionHandle,
        until deadline: MonotonicTime?
    ) async throws(PostgresError) -> PostgresPollingStatusType {
        guard configuration.needsNameResolution else { return handle.connectPoll() }
        // The step to the next host resolves its name, which blocks.
        let status = await BlockingCalls.connecting.run(until: deadline, isolation: self) {
            handle.connectPoll().rawValue
        }
        // The helper thread still uses the handle: not even its endpoint may be asked for.
        guard let status else { throw timedOut() }
        return PostgresPollingStatusType(status)
    }

    private func applySettings(_ deadline: MonotonicTime?) async throws(PostgresError) {
        guard !configuration.settings.isEmpty else { return }
        let statements = configuration.settings.sorted { $0.key < $1.key }.map { name, value in
            let quoted = PostgresQuery.quote(literal: value)
            return "SELECT pg_catalog.set_config(\(PostgresQuery.quote(literal: name)), \(quoted), false)"
        }
        let script = statements.joined(separator: ";")
        let answer: Answer
        do throws(PostgresError) {
            answer = try await exchange(deadline: deadline) { $0.send(script: script) }
        } catch {
            close()
            throw error.code == .deadlineExceeded ? timedOut() : error
        }
        if let error = answer.error {
            close()
            throw PostgresError(.connectionFailed, "the server refused a session setting", server: error)
        }
    }

    private func timedOut(_ handle: ConnectionHandle? = nil) -> PostgresError {
        let place = handle.map { " to \($0.endpoint)" } ?? ""
        return PostgresError(
            .connectionFailed,
            "connecting\(place) took longer than \(configuration.connectTimeout)",
            nothingWasSent: true
        )
    }

    private func failure(_ handle: ConnectionHandle) -> PostgresError {
        let hint = handle.needsPassword ? "; give one through .pgpass, PGPASSWORD or the connection string" : ""
        return PostgresError(.connectionFailed, handle.errorMessage + hint, nothingWasSent: true)
    }
}
