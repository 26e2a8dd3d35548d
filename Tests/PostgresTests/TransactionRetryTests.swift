import TestSupport
import Testing

@testable import Postgres

struct TransactionRetryTests {
    private func withPairs<R>(
        _ body: (PostgresPool, Shared<Int>) async throws -> R
    ) async throws -> R {
        try await withPool {
            $0.maximumConnections = 4
        } _: { pool, _ in
            try await pool.query("CREATE TABLE doctor (id int PRIMARY KEY, on_call bool NOT NULL)")
            try await pool.query("INSERT INTO doctor VALUES (1, true), (2, true)")
            return try await body(pool, Shared(0))
        }
    }

    /// Pain: retry by hand, without a pause or with too few attempts.
    @Test func `pain 22: write skew at the serializable level is repeated, and the invariant holds`() async throws {
        try await withPairs { pool, mostAttempts in
            for _ in 0..<15 {
                try await pool.query("UPDATE doctor SET on_call = true")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for doctor in [1, 2] {
                        group.addTask { try await leave(doctor, pool, mostAttempts) }
                    }
                    try await group.waitForAll()
                }
                let left: Int = try await pool.query("SELECT count(*) FROM doctor WHERE on_call").one().decode(at: 0)
                #expect(left == 1)
            }
            let most = mostAttempts.withLock { $0 }
            #expect(most > 1, "without a collision this tests nothing")
            #expect(most <= TransactionRetry.standard.maximumAttempts)
        }
    }

    /// Goes off duty when somebody else is on call.
    private func leave(_ doctor: Int, _ pool: PostgresPool, _ mostAttempts: Shared<Int>) async throws {
        try await pool.withTransaction(.serializable, retry: .standard) { connection, attempt in
            mostAttempts.withLock { $0 = max($0, attempt) }
            let count: Int = try await connection.value("SELECT count(*) FROM doctor WHERE on_call")
            try await connection.query("SELECT pg_sleep(0.01)")
            if count > 1 { try await connection.query("UPDATE doctor SET on_call = false WHERE id = \(doctor)") }
        }
    }

    @Test func `a deadlock is repeated`() async throws {
        try await withPairs { pool, mostAttempts in
            let holding = Shared(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for order in [[1, 2], [2, 1]] {
                    group.addTask {
                        try await pool.withTransaction(retry: .standard) { connection, attempt in
                            mostAttempts.withLock { $0 = max($0, attempt) }
                            try await connection.query("SET LOCAL deadlock_timeout = '20ms'")
                            try await connection.query("UPDATE doctor SET on_call = false WHERE id = \(order[0])")
                            holding.withLock { $0 += 1 }
                            _ = try await eventually { holding.withLock { $0 >= 2 } }
                            try await connection.query("UPDATE doctor SET on_call = false WHERE id = \(order[1])")
                        }
                    }
                }
                try await group.waitForAll()
            }
            // The repetitions may collide once more; what matters is that both came through.
            #expect(mostAttempts.withLock { $0 } >= 2)
        }
    }

    @Test func `the limit is kept and the last error tells the attempts`() async throws {
        try await withPairs { pool, _ in
            var retry = TransactionRetry(maximumAttempts: 3)
            retry.initialBackoff = .milliseconds(1)
            var attempts: [Int] = []
            let error = try await postgresError {
                try await pool.withTransaction(retry: retry) { connection, attempt in
                    attempts.append(attempt)
                    try await connection.query("INSERT INTO doctor VALUES (\(attempt + 10), true)")
                    try await connection.collide()
                }
            }
            #expect(attempts == [1, 2, 3])
            #expect(error?.sqlState == .serializationFailure)
            #expect(error?.attempts == 3)
            let count: Int = try await pool.query("SELECT count(*) FROM doctor").one().decode(at: 0)
            #expect(count == 2)
        }
    }

    private struct Conflict: Error {}

    @Test func `a collision that the body swallows or turns into its own error is repeated too`() async throws {
        try await withPairs { pool, _ in
            for isSwallowed in [true, false] {
                let value = try await pool.withTransaction(retry: .standard) { connection, attempt in
                    guard attempt == 1 else { return attempt }
                    do {
                        try await connection.collide()
                    } catch {
                        if !isSwallowed { throw Conflict() }
                    }
                    return attempt
                }
                #expect(value == 2)
            }
        }
    }

    @Test func `nothing else is repeated, nor a part of a transaction`() async throws {
        try await withPairs { pool, _ in
            var attempts = 0
            let error = try await postgresError {
                try await pool.withTransaction(retry: .standard) { connection, _ in
                    attempts += 1
                    try await connection.query("INSERT INTO doctor VALUES (1, true)")
                }
            }
            #expect(error?.sqlState == .uniqueViolation)
            #expect(error?.attempts == 1)
            #expect(attempts == 1)
            let nested = try await postgresError {
                try await pool.withTransaction { connection in
                    try await connection.withTransaction(retry: .standard) { _, _ in Issue.record("it must not run") }
                }
            }
            #expect(nested?.code == .unexpectedResult)
            await #expect(throws: Conflict.self) {
                try await pool.withTransaction(retry: .standard) { _, _ in throw Conflict() }
            }
        }
    }

    @Test func `a cancelled pause ends the attempts with both errors`() async throws {
        try await withPairs { pool, _ in
            var retry = TransactionRetry()
            retry.initialBackoff = .seconds(3600)
            retry.maximumBackoff = .seconds(3600)
            let chosen = retry
            let began = Shared(false)
            let task = Task {
                try await pool.withTransaction(retry: chosen) { connection, _ in
                    began.withLock { $0 = true }
                    try await connection.collide()
                }
            }
            #expect(try await eventually { began.withLock { $0 } && pool.inUse == 0 })
            task.cancel()
            let error = try await postgresError { try await task.value }
            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveCommitted == false)
        }
    }

    @Test func `pauses double up to their bound`() {
        let retry = TransactionRetry.standard
        #expect((1...4).map { retry.longestPause(after: $0) } == [10, 20, 40, 80].map { .milliseconds($0) })
        #expect(retry.longestPause(after: 1000) == .seconds(1))
    }

    @Test func `options reach the server, deferrable among them`() async throws {
        try await withPairs { pool, _ in
            let options = TransactionOptions(isolation: .serializable, isReadOnly: true, isDeferrable: true)
            let setting: String = try await pool.withTransaction(options) { connection in
                try await connection.value("SHOW transaction_deferrable")
            }
            #expect(setting == "on")
        }
    }
}

extension PostgresConnection {
    /// Fails as a serializable transaction does that collided.
    fileprivate func collide() async throws {
        try await execute(script: "DO $$ BEGIN RAISE EXCEPTION 'collided' USING ERRCODE = '40001'; END $$")
    }
}
