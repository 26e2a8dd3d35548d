import CLibPQ
import Logging

extension PostgresConnection {
    /// Runs `body` in a transaction: committed when it returns, rolled back when it throws.
    ///
    /// Inside another transaction it is a savepoint of that one, and `options` must be the default. A COMMIT that the
    /// server answers with ROLLBACK, because an error was swallowed within, is an error here.
    ///
    /// ```swift
    /// let moved = try await connection.withTransaction { connection in
    ///     try await connection.query("UPDATE vmm SET sled_id = \(sled) WHERE id = \(id)").commandTag.rowCount
    /// }
    /// ```
    /// - Throws: what `body` throws; ``PostgresError`` of code `transactionRolledBack`, or `commitOutcomeUnknown` when
    ///   the answer to COMMIT was lost, which is never repeated nor guessed. A rollback that fails too is found in
    ///   ``PostgresError/suppressed``, and the connection is closed.
    @discardableResult
    public func withTransaction<R>(
        _ options: TransactionOptions = TransactionOptions(),
        _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        try checkLease()
        let level = try await session.begin(options)
        let value: R
        do {
            value = try await body(self)
        } catch {
            throw await rolledBack(level, after: error)
        }
        try await session.commit(level)
        return value
    }

    private func rolledBack(_ level: Session.TransactionLevel, after error: any Error) async -> any Error {
        let session = session
        // A task of its own: rolling back must not inherit the cancellation that may have led here.
        let failure = await Task { await session.rollBack(level) }.value
        guard let failure else { return error }
        session.configuration.logger.warning(
            "a rollback failed; the connection was closed",
            metadata: ["error": "\(failure)"]
        )
        return (error as? PostgresError)?.suppressing(failure) ?? error
    }
}

extension Session {
    /// A transaction, or a savepoint within one.
    enum TransactionLevel {
        case transaction
        case savepoint(String)
    }

    func begin(_ options: TransactionOptions) async throws(PostgresError) -> TransactionLevel {
        let deadline = deadline()
        // Before looking: another task's command under way would look like a transaction.
        try await takeTurn(until: deadline)
        defer { endTurn() }
        guard transactionStatus == PQTRANS_IDLE || isClosed else {
            guard options == TransactionOptions() else {
                throw PostgresError(
                    .unexpectedResult,
                    "a transaction within a transaction takes the outer one's options",
                    nothingWasSent: true
                )
            }
            savepoints += 1
            let name = "sp\(savepoints)"
            _ = try await run(script: "SAVEPOINT \(name)", deadline: deadline)
            return .savepoint(name)
        }
        abortCause = nil
        _ = try await run(script: options.beginStatement, deadline: deadline)
        return .transaction
    }

    func commit(_ level: TransactionLevel) async throws(PostgresError) {
        switch level {
        case .savepoint(let name):
            _ = try await script("RELEASE SAVEPOINT \(name)", timeout: nil, .isIgnored)
        case .transaction:
            try await takeTurn(until: nil, .isIgnored)
            defer { endTurn() }
            try await commit()
        }
    }

    private func commit() async throws(PostgresError) {
        if let handle, !handle.isAlive() { _ = lost(handle) }
        guard !isClosed else {
            // Lost before COMMIT was sent: the server has rolled back.
            var error = closedError()
            error.message += "; the transaction was rolled back"
            throw error
        }
        let cause = abortCause
        abortCause = nil
        let tags: [CommandTag]
        do throws(PostgresError) {
            tags = try await run(script: "COMMIT", deadline: deadline(), .isIgnored)
        } catch {
            // An ERROR, also that of a timeout, answers that the transaction was rolled back; a lost connection answers
            // nothing, whatever the server said last.
            if error.server != nil, error.code != .connectionClosed { throw error }
            close()
            throw PostgresError(
                .commitOutcomeUnknown,
                "the answer to COMMIT was lost; the transaction may have been committed or not",
                server: error.server
            ).suppressing(error)
        }
        guard tags.last?.description == "COMMIT" else {
            let reason = cause.map { ": \($0)" } ?? ""
            var error = PostgresError(.transactionRolledBack, "the server rolled back instead of committing\(reason)")
            error.suppressed = cause.map { [$0] } ?? []
            throw error
        }
    }

    /// Rolls back; the connection is closed when that fails.
    ///
    /// A connection that is closed has been rolled back.
    func rollBack(_ level: TransactionLevel) async -> PostgresError? {
        guard !isClosed else { return nil }
        let statement =
            switch level {
            case .transaction: "ROLLBACK"
            case .savepoint(let name): "ROLLBACK TO SAVEPOINT \(name); RELEASE SAVEPOINT \(name)"
            }
        abortCause = nil
        do throws(PostgresError) {
            _ = try await script(statement, timeout: configuration.cancelTimeout, .isIgnored)
            return nil
        } catch {
            close("a rollback failed; the connection was closed")
            return error
        }
    }
}
