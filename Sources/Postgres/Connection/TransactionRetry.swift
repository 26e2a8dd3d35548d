/// When a whole transaction runs again: after serialization failures (SQLSTATE 40001) and deadlocks (40P01) alone.
///
/// The pauses between attempts are chosen at random, up to a bound that doubles with each: two that collided once would
/// otherwise do so again.
public struct TransactionRetry: Sendable, Hashable {
    /// How often the transaction runs at most, the first time included; at least 1.
    ///
    /// Default 10. Three are known to be too few at the serializable level.
    public var maximumAttempts = 10
    /// The bound of the first pause.
    ///
    /// Default 10 ms.
    public var initialBackoff: Duration = .milliseconds(10)
    /// The bound that no pause exceeds.
    ///
    /// Default 1 s.
    public var maximumBackoff: Duration = .seconds(1)
    /// After which time no further attempt begins; nil, the default, is without limit.
    public var timeLimit: Duration?

    /// Makes a retry of `maximumAttempts`, with the defaults named above.
    public init(maximumAttempts: Int = 10) {
        self.maximumAttempts = maximumAttempts
    }

    /// The defaults.
    public static let standard = TransactionRetry()

    /// Runs `attempt` until it succeeds, fails otherwise than by a collision, or the limits are reached.
    func run<R>(_ attempt: (Int) async throws -> R) async throws -> R {
        let end = timeLimit.flatMap { MonotonicTime.after($0) }
        var number = 1
        while true {
            do {
                return try await attempt(number)
            } catch let collision as TransactionCollision {
                let isLate = end.map { $0 <= .now() } ?? false
                guard number < maximumAttempts, !isLate else { throw collision.error(attempts: number) }
                try await pause(after: number, collision)
            }
            number += 1
        }
    }

    private func pause(after number: Int, _ collision: TransactionCollision) async throws {
        do {
            try await Task.sleep(for: longestPause(after: number) * Double.random(in: 0...1))
        } catch {
            var cancelled = PostgresError(.cancelled, "the task was cancelled before the transaction was tried again")
            if let cause = collision.cause as? PostgresError { cancelled = cancelled.suppressing(cause) }
            throw cancelled
        }
    }

    /// The bound of the pause after so many attempts.
    func longestPause(after number: Int) -> Duration {
        let factor = Double(sign: .plus, exponent: min(max(number - 1, 0), 30), significand: 1)
        return min(initialBackoff * factor, maximumBackoff)
    }
}

/// A transaction that was rolled back because it collided with another, for the retry alone.
struct TransactionCollision: Error {
    /// What is thrown when nobody tries again.
    let cause: any Error

    func error(attempts: Int) -> any Error {
        guard var error = cause as? PostgresError else { return cause }
        error.attempts = attempts
        return error
    }
}

extension PostgresConnection {
    /// Runs `body` in a transaction, and again in a new one when it collided with others.
    ///
    /// For transactions only that can run again: what `body` does outside the database happens once for each attempt.
    /// Repeated are serialization failures (SQLSTATE 40001) and deadlocks (40P01), also when `body` turned them into
    /// errors of its own. Never repeated is what may have been committed.
    ///
    /// ```swift
    /// try await connection.withTransaction(.serializable, retry: .standard) { connection, attempt in
    ///     if attempt > 1 { logger.debug("once more") }
    ///     try await connection.query("UPDATE account SET balance = balance - 1 WHERE id = \(id)")
    /// }
    /// ```
    /// - Parameters:
    ///   - options: How each transaction begins and ends.
    ///   - retry: How often and with which pauses.
    ///   - body: What runs; gets the number of the attempt, from 1.
    /// - Returns: What `body` returned in the attempt that was committed.
    /// - Throws: as ``withTransaction(_:_:)``; the last collision with its ``PostgresError/attempts`` when the limit is
    ///   reached; `cancelled` during a pause; `unexpectedResult` inside another transaction, which cannot be repeated
    ///   in part.
    @discardableResult
    public func withTransaction<R>(
        _ options: TransactionOptions = TransactionOptions(),
        retry: TransactionRetry,
        _ body: (PostgresConnection, _ attempt: Int) async throws -> R
    ) async throws -> R {
        try await retry.run { attempt in
            try await attemptTransaction(options) { try await body($0, attempt) }
        }
    }

    /// One attempt at a transaction.
    ///
    /// - Throws: `TransactionCollision` when trying again may succeed.
    func attemptTransaction<R>(
        _ options: TransactionOptions,
        _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        try checkLease()
        let level = try await begin(options, mayNest: false)
        do {
            return try await run(level, options, body)
        } catch let error as PostgresError where error.isCollision {
            throw TransactionCollision(cause: error)
        }
    }
}

extension PostgresError {
    /// Whether a transaction that failed with this was rolled back for colliding with another.
    fileprivate var isCollision: Bool {
        if mayHaveCommitted { return false }
        if isRetryable { return true }
        // Swallowed by the body, and found at COMMIT.
        return code == .transactionRolledBack && suppressed.first?.isRetryable == true
    }
}
