import CLibPQ
import Logging

extension Session {
    /// Connects and prepares the session; an open session is returned or an error thrown, nothing between.
    static func open(
        _ configuration: PostgresConfiguration,
        _ database: DatabaseKnowledge = DatabaseKnowledge()
    ) async throws(PostgresError) -> Session {
        let session = Session(configuration, database)
        try await session.connect()
        return session
    }

    private func connect() async throws(PostgresError) {
        let poller = try Poller.shared.get()
        let deadline = MonotonicTime.after(configuration.connectTimeout)
        let handle = try await reachHost(poller, until: deadline)
        guard handle.setNonblocking() else { throw failure(handle) }
        watch = try poller.watch(handle.socket)
        cancelHandle = handle.makeCancelHandle()
        self.handle = handle
        do throws(PostgresError) {
            try await prepareSession(deadline)
            noteUse()
        } catch {
            // Of what the connection was wanted for, nothing was sent.
            var error = error
            if error.code == .connectionClosed { error.code = .connectionFailed }
            error.nothingWasSent = true
            throw error
        }
    }

    /// Tries the hosts one after the other until one will do.
    private func reachHost(_ poller: Poller, until deadline: MonotonicTime?) async throws(PostgresError)
        -> ConnectionHandle
    {
        var plan = ConnectPlan(try EffectiveOptions.read(configuration.parameters))
        if plan.isRandom || configuration.hostOrder == .random {
            plan.isRandom = true
            plan.targets.shuffle()
        }
        var failures: [PostgresError] = []
        var left = plan.targets.count * plan.sessionAttributes.count
        for attributes in plan.sessionAttributes {
            for target in plan.targets {
                let attempt = Attempt(target: target, attributes: attributes, plan: plan, overall: deadline)
                do throws(PostgresError) {
                    return try await reach(attempt, poller, until: share(of: deadline, among: left))
                } catch {
                    if error.code == .cancelled { throw error }
                    failures.append(error)
                }
                left -= 1
            }
        }
        throw summary(of: failures)
    }

    /// One host with one of the states that it may be in.
    private struct Attempt {
        let target: ConnectPlan.Target
        let attributes: String
        let plan: ConnectPlan
        let overall: MonotonicTime?
    }

    /// Tries a host's addresses one after the other.
    private func reach(
        _ attempt: Attempt,
        _ poller: Poller,
        until deadline: MonotonicTime?
    ) async throws(PostgresError) -> ConnectionHandle {
        guard attempt.target.needsResolution else {
            return try await reach(attempt, address: nil, poller, until: limit(deadline, attempt.plan))
        }
        var addresses = try await resolve(attempt.target.host, until: deadline)
        if attempt.plan.isRandom { addresses.shuffle() }
        var failures: [PostgresError] = []
        for (index, address) in addresses.enumerated() {
            let share = limit(share(of: deadline, among: addresses.count - index), attempt.plan)
            do throws(PostgresError) {
                return try await reach(attempt, address: address, poller, until: share)
            } catch {
                if error.code == .cancelled { throw error }
                failures.append(error)
            }
        }
        throw summary(of: failures)
    }

    /// Connects to one address.
    private func reach(
        _ attempt: Attempt,
        address: String?,
        _ poller: Poller,
        until deadline: MonotonicTime?
    ) async throws(PostgresError) -> ConnectionHandle {
        let begin = MonotonicTime.now()
        let parameters =
            configuration.parameters + attempt.target.parameters(address: address)
            + [("target_session_attrs", attempt.attributes)]
        guard let handle = ConnectionHandle(parameters: parameters, logger: configuration.logger) else {
            throw PostgresError(.connectionFailed, "out of memory", nothingWasSent: true)
        }
        guard handle.isOK || handle.socket >= 0 else { throw failure(handle) }
        guard try await negotiate(handle, poller, until: deadline) else {
            throw timedOut("connecting to \(handle.endpoint)", since: begin, attempt.overall)
        }
        return handle
    }

    private func resolve(_ host: String, until deadline: MonotonicTime?) async throws(PostgresError) -> [String] {
        let begin = MonotonicTime.now()
        let answer = await BlockingCalls.resolution.run(until: deadline, .endsWait, isolation: self) {
            NameResolution.addresses(of: host)
        }
        switch answer {
        case .success(let addresses) where !addresses.isEmpty:
            return addresses
        case .success:
            throw PostgresError(.connectionFailed, "host name \"\(host)\" has no address", nothingWasSent: true)
        case .failure(let error):
            let text = "could not translate host name \"\(host)\" to address: \(error.reason)"
            throw PostgresError(.connectionFailed, text, nothingWasSent: true)
        case nil:
            if Task.isCancelled { throw cancelled() }
            throw timedOut("resolving host name \"\(host)\"", since: begin, deadline)
        }
    }

    /// Drives `PQconnectPoll`; false when the deadline passed.
    ///
    /// The socket is asked for after each step: it changes when the server refuses encryption.
    private func negotiate(
        _ handle: ConnectionHandle,
        _ poller: Poller,
        until deadline: MonotonicTime?
    ) async throws(PostgresError) -> Bool {
        var next = PGRES_POLLING_WRITING
        while next != PGRES_POLLING_OK {
            guard next != PGRES_POLLING_FAILED, handle.socket >= 0 else { throw failure(handle) }
            let step = try poller.watch(handle.socket)
            let interest: SocketWatch.Interest = next == PGRES_POLLING_READING ? .read : .write
            var ownWaits = 1
            let wake = await withTaskCancellationHandler {
                await step.waitForAnswer(interest, until: deadline, ownWaits: &ownWaits, isolation: self)
            } onCancel: {
                step.interrupt()
            }
            step.stop()
            switch wake {
            case .ready: next = handle.connectPoll()
            case .deadline: return false
            case .interrupted: throw cancelled()
            case .failed: throw PostgresError(.connectionFailed, "the socket cannot be watched")
            }
        }
        return true
    }

    /// An equal part of the time that is left, so that a host that swallows packets leaves something to the others.
    private func share(of deadline: MonotonicTime?, among count: Int) -> MonotonicTime? {
        guard let deadline, count > 1 else { return deadline }
        return MonotonicTime.after(deadline.remaining() / count)
    }

    private func limit(_ deadline: MonotonicTime?, _ plan: ConnectPlan) -> MonotonicTime? {
        guard let limit = plan.attemptLimit.flatMap({ MonotonicTime.after($0) }) else { return deadline }
        return deadline.map { min($0, limit) } ?? limit
    }

    /// Finds out whether the session is ours alone, and makes the settings if so, in one round trip.
    private func prepareSession(_ deadline: MonotonicTime?) async throws(PostgresError) {
        var isOwn = configuration.pooler != .transaction
        let settings = configuration.sessionSettings
        if isOwn, configuration.pooler == .detected || !settings.isEmpty {
            isOwn = try await applySettings(deadline)
        }
        isPooled = !isOwn
        if !isOwn, !settings.isEmpty {
            let names = settings.keys.sorted().joined(separator: ", ")
            configuration.logger.notice(
                "behind a pooler session settings are left alone; set them for the role",
                metadata: ["settings": "\(names)"]
            )
        }
        let isCaching =
            switch configuration.statementCaching {
            case .automatic: isOwn
            case .always: true
            case .disabled: false
            }
        if !isCaching { statements.disable() }
    }

    /// Makes the settings where the session's process is the one that libpq was told of; whether it is.
    ///
    /// A pooler makes process numbers up for its clients.
    private func applySettings(_ deadline: MonotonicTime?) async throws(PostgresError) -> Bool {
        let isOwn =
            configuration.pooler == .session
            ? "true" : "pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) \(processID)"
        let script = settingsStatement(where: isOwn)
        let answer: Answer
        do throws(PostgresError) {
            answer = try await exchange(deadline: deadline) { $0.send(script: script) }
        } catch {
            close()
            throw error.code == .deadlineExceeded ? timedOut("preparing the session", since: nil, deadline) : error
        }
        if let error = answer.error {
            close()
            throw PostgresError(.connectionFailed, "the server refused a session setting", server: error)
        }
        return answer.result?.rowCount == 1
    }

    /// Makes the configuration's settings, if there are any, and has a row exactly if the condition holds.
    ///
    /// One statement: in a new session each has to find its functions and operators in the catalogs.
    func settingsStatement(where condition: String) -> String {
        let calls = configuration.sessionSettings.sorted { $0.key < $1.key }.map { name, value in
            let (name, value) = (PostgresQuery.quote(literal: name), PostgresQuery.quote(literal: value))
            return "pg_catalog.set_config(\(name), \(value), false)"
        }
        return "SELECT \(calls.joined(separator: ", ")) WHERE \(condition)"
    }

    private func cancelled() -> PostgresError {
        PostgresError(.cancelled, "the task was cancelled while connecting", nothingWasSent: true)
    }

    /// Tells the whole timeout where it has passed, else how long this step was given.
    private func timedOut(_ what: String, since begin: MonotonicTime?, _ overall: MonotonicTime?) -> PostgresError {
        var limit = configuration.connectTimeout
        if let begin, let overall, overall.remaining() > .zero {
            let milliseconds = (MonotonicTime.now().nanoseconds &- begin.nanoseconds) / 1_000_000
            limit = .milliseconds(Int64(clamping: milliseconds))
        }
        return PostgresError(.connectionFailed, "\(what) took longer than \(limit)", nothingWasSent: true)
    }

    private func failure(_ handle: ConnectionHandle) -> PostgresError {
        let hint = handle.needsPassword ? "; give one through .pgpass, PGPASSWORD or the connection string" : ""
        return PostgresError(.connectionFailed, handle.errorMessage + hint, nothingWasSent: true)
    }

    /// One failure as it is, several as a list.
    private func summary(of failures: [PostgresError]) -> PostgresError {
        var texts: [String] = []
        for failure in failures where !texts.contains(failure.message) { texts.append(failure.message) }
        return PostgresError(.connectionFailed, texts.joined(separator: "\n"), nothingWasSent: true)
    }
}
