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
        let level = try await begin(options, mayNest: true)
        return try await run(level, options, body)
    }

    /// A transaction that begins and ends with statements of the caller's, in the messages of BEGIN and of COMMIT: two
    /// round trips less.
    ///
    /// Refused inside another transaction. An error in `closing` rolls the transaction back and is thrown as it is.
    ///
    /// - Parameters:
    ///   - options: How it begins, and how it ends.
    ///   - preceding: What comes before BEGIN, and commits what it does itself.
    ///   - opening: What follows BEGIN; an error in either is thrown before `body` runs.
    ///   - body: What comes between; gets the tags of the first message.
    /// - Returns: The value that `body` returns, after what it returns as `closing` has run and COMMIT was answered.
    /// - Throws: as ``withTransaction(_:_:)``. An error that says that nothing was committed says it of the transaction,
    ///   not of what comes before it.
    package func withTransaction<R>(
        _ options: TransactionOptions,
        preceding: String? = nil,
        opening: String,
        _ body: (PostgresConnection, [CommandTag]) async throws -> (value: R, closing: String?)
    ) async throws -> R {
        try checkLease()
        let script = [preceding, options.beginStatement, opening].compactMap(\.self).joined(separator: "; ")
        try Session.refuseNUL(in: script)
        let (level, tags) = try await begin(options, mayNest: true, script: script)
        return try await end(level, options) { connection in
            let end = try await body(connection, tags)
            if let closing = end.closing { try Session.refuseNUL(in: closing) }
            return end
        }
    }

    /// Runs `body` in a transaction that is rolled back in any case: for tests, and to see what a change would do.
    ///
    /// ```swift
    /// let refused = try await connection.withRolledBackTransaction { connection in
    ///     try await connection.query("DELETE FROM vmm WHERE sled_id = \(sled)").commandTag.rowCount
    /// }
    /// ```
    /// Inside another transaction it is a savepoint of that one. What does not roll back stays: sequences have moved.
    ///
    /// - Throws: what `body` throws, and ``PostgresError`` as ``withTransaction(_:_:)``.
    @discardableResult
    public func withRolledBackTransaction<R>(
        _ options: TransactionOptions = TransactionOptions(),
        _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        try checkLease()
        let level = try await begin(options, mayNest: true)
        let value: R
        do {
            value = try await body(self)
        } catch {
            throw await rolledBack(level, after: error)
        }
        if let failure = await observed("ROLLBACK", { await session.rollBack(level) }) { throw failure }
        return value
    }

    func begin(
        _ options: TransactionOptions,
        mayNest: Bool
    ) async throws(PostgresError) -> Session.TransactionLevel {
        try await begin(options, mayNest: mayNest, script: nil).level
    }

    private func begin(
        _ options: TransactionOptions,
        mayNest: Bool,
        script: String?
    ) async throws(PostgresError) -> (level: Session.TransactionLevel, tags: [CommandTag]) {
        // What is open already makes it a savepoint; only who traces needs to know before.
        let isNested = if isObserved { await isInTransaction } else { false }
        return try await observed(isNested ? "SAVEPOINT" : "BEGIN") { () async throws(PostgresError) in
            try await session.begin(options, mayNest: mayNest, script: script)
        }
    }

    /// Runs `body` in a transaction that has begun, and ends it.
    func run<R>(
        _ level: Session.TransactionLevel,
        _ options: TransactionOptions,
        _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        try await end(level, options) { (try await body($0), nil) }
    }

    private func end<R>(
        _ level: Session.TransactionLevel,
        _ options: TransactionOptions,
        _ body: (PostgresConnection) async throws -> (value: R, closing: String?)
    ) async throws -> R {
        let (value, closing): (R, String?)
        do {
            (value, closing) = try await body(self)
        } catch {
            throw await rolledBack(level, after: error)
        }
        try await observed(level.isSavepoint ? "RELEASE" : "COMMIT") { () async throws(PostgresError) in
            try await session.commit(level, options, closing: closing)
        }
        return value
    }

    private func rolledBack(_ level: Session.TransactionLevel, after error: any Error) async -> any Error {
        let session = session
        let cause = await session.abortCause
        // A task of its own: rolling back must not inherit the cancellation that may have led here.
        let failure = await Task {
            await observed("ROLLBACK") { await session.rollBack(level) }
        }.value
        guard let failure else {
            // The body's own error, made of a collision: a retry must not lose sight of that.
            if !(error is PostgresError), case .retried = level, cause?.isRetryable == true {
                return TransactionCollision(cause: error)
            }
            return error
        }
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
        /// A transaction that is repeated when it collides.
        case retried
        case savepoint(String)

        var isSavepoint: Bool {
            if case .savepoint = self { true } else { false }
        }
    }

    /// Begins a transaction, or a savepoint within one; `script` holds what is sent together with BEGIN, and that.
    func begin(
        _ options: TransactionOptions,
        mayNest: Bool,
        script: String? = nil
    ) async throws(PostgresError) -> (level: TransactionLevel, tags: [CommandTag]) {
        let deadline = deadline()
        // Before looking: another task's command under way would look like a transaction.
        try await takeTurn(until: deadline)
        defer { endTurn() }
        guard transactionStatus == PQTRANS_IDLE || isClosed else {
            guard mayNest, script == nil, options == TransactionOptions() else {
                let reason =
                    mayNest
                    ? "a transaction within a transaction takes the outer one's options"
                    : "a transaction within a transaction cannot be repeated alone"
                throw PostgresError(.unexpectedResult, reason, nothingWasSent: true)
            }
            savepoints += 1
            let name = "sp\(savepoints)"
            return (.savepoint(name), try await run(script: "SAVEPOINT \(name)", deadline: deadline))
        }
        abortCause = nil
        let tags: [CommandTag]
        do {
            tags = try await run(script: script ?? options.beginStatement, deadline: deadline)
        } catch {
            // A setting that is refused leaves the transaction open, and failed.
            if transactionStatus != PQTRANS_IDLE { await undoBegin() }
            throw error.withoutCommit()
        }
        holdsTransaction = true
        return (mayNest ? .transaction : .retried, tags)
    }

    /// Rolls back what began and was refused, within the turn that is held; the connection is closed when that fails.
    private func undoBegin() async {
        guard !isClosed else { return }
        do throws(PostgresError) {
            _ = try await run(script: "ROLLBACK", deadline: deadline(configuration.cancelTimeout), .isIgnored)
        } catch {
            close("a rollback failed; the connection was closed")
        }
    }

    /// Rolls back; the connection is closed when that fails.
    ///
    /// A connection that is closed has been rolled back.
    func rollBack(_ level: TransactionLevel) async -> PostgresError? {
        guard !isClosed else { return nil }
        let statement =
            switch level {
            case .transaction, .retried: "ROLLBACK"
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
