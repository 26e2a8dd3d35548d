import CLibPQ
import Logging

extension Session {
    /// Commits, or releases a savepoint; `closing` is sent together with COMMIT and fails with it.
    func commit(
        _ level: TransactionLevel,
        _ options: TransactionOptions,
        closing: String? = nil
    ) async throws(PostgresError) {
        switch level {
        case .savepoint(let name):
            _ = try await script("RELEASE SAVEPOINT \(name)", timeout: nil, .isIgnored)
        case .transaction, .retried:
            try await takeTurn(until: nil, .isIgnored)
            defer { endTurn() }
            try await commit(options, closing)
        }
    }

    private func commit(_ options: TransactionOptions, _ closing: String?) async throws(PostgresError) {
        if let handle, !handle.isAlive() { _ = lost(handle) }
        // Lost before COMMIT was sent: the server has rolled back.
        guard !isClosed else { throw definiteRollback(closedError()) }
        let ticket = try await prepareCommit(options)
        let cause = abortCause
        abortCause = nil
        let tags: [CommandTag]
        do throws(PostgresError) {
            tags = try await run(script: (closing.map { "\($0); " } ?? "") + "COMMIT", deadline: deadline(), .isIgnored)
        } catch {
            guard error.code != .commitOutcomeUnknown else { throw error }
            // An ERROR, also that of a timeout, answers that the transaction was rolled back; a lost connection answers
            // nothing, whatever the server said last.
            if error.server != nil, error.code != .connectionClosed {
                // What came before COMMIT failed: the transaction is open still, and failed.
                throw transactionStatus == PQTRANS_IDLE ? error : await rollBackBeforeCommit(error)
            }
            close()
            return try await settle(ticket, options, error)
        }
        guard tags.last?.description == "COMMIT" else {
            let reason = cause.map { ": \($0)" } ?? ""
            var error = PostgresError(.transactionRolledBack, "the server rolled back instead of committing\(reason)")
            error.suppressed = cause.map { [$0] } ?? []
            throw error
        }
    }

    private func definiteRollback(_ error: PostgresError) -> PostgresError {
        var error = error
        error.message += "; the transaction was rolled back"
        error.nothingWasSent = true
        return error
    }

    /// Checks constraints and learns the transaction's id, where the options ask for it.
    private func prepareCommit(_ options: TransactionOptions) async throws(PostgresError) -> CommitTicket? {
        var statements: [String] = []
        if options.checksConstraintsBeforeCommit { statements.append("SET CONSTRAINTS ALL IMMEDIATE") }
        if options.lostCommitTimeout != nil { statements.append(CommitTicket.statement) }
        guard !statements.isEmpty, transactionStatus == PQTRANS_INTRANS else { return nil }
        let answer: Answer
        do throws(PostgresError) {
            answer = try await exchange(deadline: deadline(), .isIgnored) {
                $0.send(script: statements.joined(separator: ";"))
            }
        } catch {
            guard isClosed else { throw await rollBackBeforeCommit(error) }
            throw definiteRollback(error)
        }
        if let error = answer.error {
            throw await rollBackBeforeCommit(PostgresError(.server, "", server: error))
        }
        guard options.lostCommitTimeout != nil, let result = answer.result else { return nil }
        return CommitTicket(result)
    }

    /// The caller has the turn.
    private func rollBackBeforeCommit(_ error: PostgresError) async -> PostgresError {
        abortCause = nil
        do throws(PostgresError) {
            let deadline = MonotonicTime.after(configuration.cancelTimeout)
            _ = try await run(script: "ROLLBACK", deadline: deadline, .isIgnored)
            return error
        } catch let failure {
            close("a rollback failed; the connection was closed")
            return error.suppressing(failure)
        }
    }
}

// MARK: Lost answers

extension PostgresError {
    /// What a warning is all that the server says of: a cancel request or a time limit ended the wait for the
    /// synchronous standby.
    ///
    /// An error of something that came after the commit is kept.
    static func unreplicatedCommit(_ later: ServerError? = nil) -> PostgresError {
        let error = PostgresError(
            .commitOutcomeUnknown,
            "the wait for the synchronous standby was ended: this server has committed, but a failover may undo it"
        )
        return later.map { error.suppressing(PostgresError(.server, "", server: $0)) } ?? error
    }
}

/// What is needed to ask for a transaction's fate.
struct CommitTicket: Sendable {
    /// Nil when nothing was written.
    let transaction: String?
    /// Another server, promoted in the meantime, may have given the id to another transaction.
    let timeline: String?

    /// On a standby there is no id, and asking for the timeline would be an error.
    static let statement = """
        SELECT pg_catalog.pg_current_xact_id_if_assigned()::text, \
        CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL ELSE \(timelineExpression) END
        """

    private static let timelineExpression =
        "pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8)"

    init(_ result: ResultHandle) {
        func text(_ column: Int) -> String? {
            unsafe result.bytes(row: 0, column: column).map { unsafe String(decoding: $0, as: UTF8.self) }
        }
        transaction = text(0)
        timeline = text(1)
    }

    var question: PostgresQuery? {
        guard let transaction, let timeline else { return nil }
        return """
            SELECT CASE WHEN \(unsafeSQL: Self.timelineExpression) = \(timeline) \
            THEN pg_catalog.pg_xact_status(\(transaction)::text::xid8) END
            """
    }
}

extension Session {
    /// What became of a transaction whose COMMIT was not answered: returns when it was committed.
    private func settle(
        _ ticket: CommitTicket?,
        _ options: TransactionOptions,
        _ error: PostgresError
    ) async throws(PostgresError) {
        let unknown = PostgresError(
            .commitOutcomeUnknown,
            "the answer to COMMIT was lost; the transaction may have been committed or not",
            server: error.server
        ).suppressing(error)
        guard let ticket, let timeout = options.lostCommitTimeout else { throw unknown }
        let rolledBack = PostgresError(
            .transactionRolledBack,
            ticket.transaction == nil
                ? "the answer to COMMIT was lost; the transaction had written nothing"
                : "the answer to COMMIT was lost, and the server rolled the transaction back"
        ).suppressing(error)
        guard ticket.transaction != nil else { throw rolledBack }
        guard let question = ticket.question else { throw unknown }
        let configuration = configuration
        // A task of its own: the answer matters most when the caller was cancelled.
        let fate = await Task { await Self.fate(question, configuration, within: timeout) }.value
        switch fate {
        case "committed": configuration.logger.notice("a transaction whose COMMIT was not answered is committed")
        case "aborted": throw rolledBack
        default: throw unknown
        }
    }

    /// Asks until the transaction has ended or the time is up; nil when the server does not say.
    private static func fate(
        _ question: PostgresQuery,
        _ configuration: PostgresConfiguration,
        within timeout: Duration
    ) async -> String? {
        guard let deadline = MonotonicTime.after(timeout) else { return nil }
        var configuration = configuration
        while deadline > .now() {
            configuration.connectTimeout = min(configuration.connectTimeout, deadline.remaining())
            if let session = try? await Session.open(configuration) {
                let rows = try? await session.query(question, timeout: deadline.remaining())
                await session.close()
                if let rows {
                    let answer = try? rows.one().decode(at: 0, as: String?.self)
                    if answer != "in progress" { return answer }
                }
            }
            try? await Task.sleep(for: min(.milliseconds(100), deadline.remaining()))
        }
        return nil
    }
}
