import Postgres
import TestSupport
import Testing

struct TransactionTests {
    private struct Refusal: Error {}

    private func withTable<R>(_ body: (PostgresConnection, TestDatabase) async throws -> R) async throws -> R {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (n int PRIMARY KEY)")
                return try await body(connection, database)
            }
        }
    }

    private func numbers(_ connection: PostgresConnection) async throws -> [Int] {
        try await connection.query("SELECT n FROM t ORDER BY n").map { try $0.decode(at: 0) }
    }

    @Test func `a transaction commits when its body returns and rolls back when it throws`() async throws {
        try await withTable { connection, _ in
            let value = try await connection.withTransaction { connection in
                try await connection.query("INSERT INTO t VALUES (1)")
                #expect(await connection.isInTransaction)
                return "done"
            }
            #expect(value == "done")
            await #expect(throws: Refusal.self) {
                try await connection.withTransaction { connection in
                    try await connection.query("INSERT INTO t VALUES (2)")
                    throw Refusal()
                }
            }
            #expect(try await numbers(connection) == [1])
        }
    }

    @Test func `what is sent with BEGIN and with COMMIT is of the transaction, and fails with it`() async throws {
        try await withTable { connection, _ in
            let options = TransactionOptions()
            let value = try await connection.withTransaction(options, opening: "INSERT INTO t VALUES (1), (2)") {
                connection,
                tags in
                #expect(tags.map(\.description) == ["BEGIN", "INSERT 0 2"])
                #expect(await connection.isInTransaction)
                return ("done", "INSERT INTO t VALUES (3)")
            }
            #expect(value == "done")
            #expect(try await numbers(connection) == [1, 2, 3])
            await #expect(throws: Refusal.self) {
                try await connection.withTransaction(options, opening: "INSERT INTO t VALUES (4)") {
                    _,
                    _ -> (value: String, closing: String?) in
                    throw Refusal()
                }
            }
            // The body's own error, whatever it has caught before.
            await #expect(throws: Refusal.self) {
                try await connection.withTransaction(options, opening: "INSERT INTO t VALUES (4)") {
                    connection,
                    _ -> (value: String, closing: String?) in
                    let collision = "DO $$BEGIN RAISE 'collision' USING ERRCODE = '40001'; END$$"
                    let error = try await postgresError { try await connection.execute(script: collision) }
                    #expect(error?.isRetryable == true)
                    throw Refusal()
                }
            }
            let nested = try await postgresError {
                try await connection.withTransaction { connection in
                    try await connection.withTransaction(options, opening: "SELECT 1") { _, _ in ("", nil) }
                }
            }
            #expect(nested?.code == .unexpectedResult)
            let closing = try await postgresError {
                try await connection.withTransaction(options, opening: "INSERT INTO t VALUES (5)") { _, _ in
                    ("", "INSERT INTO t VALUES (1)")
                }
            }
            #expect(closing?.sqlState == .uniqueViolation && closing?.mayHaveCommitted == false)
            let opening = try await postgresError {
                try await connection.withTransaction(options, opening: "INSERT INTO t VALUES (1)") { _, _ in
                    Issue.record("the transaction had not begun")
                    return ("", nil)
                }
            }
            #expect(opening?.sqlState == .uniqueViolation && opening?.mayHaveCommitted == false)
            let preceding = try await postgresError {
                try await connection.withTransaction(
                    options,
                    preceding: "BEGIN; INSERT INTO t VALUES (6); COMMIT",
                    opening: "INSERT INTO t VALUES (1)"
                ) { _, _ in ("", nil) }
            }
            #expect(preceding?.sqlState == .uniqueViolation)
            #expect(try await numbers(connection) == [1, 2, 3, 6])
            try await connection.execute(script: "DELETE FROM t WHERE n = 6")
            for script in [("SELECT 1\0", nil), ("SELECT 1", "SELECT 1\0")] as [(String, String?)] {
                let refused = try await postgresError {
                    try await connection.withTransaction(options, opening: script.0) { _, _ in ("", script.1) }
                }
                #expect(refused?.code == .encodingFailed)
            }
            #expect(await !connection.isInTransaction)
            #expect(try await numbers(connection) == [1, 2, 3])
        }
    }

    @Test func `a transaction that is only tried leaves nothing behind, alone and within another`() async throws {
        try await withTable { connection, _ in
            let seen = try await connection.withRolledBackTransaction { connection in
                try await connection.query("INSERT INTO t VALUES (1)")
                return try await numbers(connection)
            }
            #expect(seen == [1])
            #expect(await !connection.isInTransaction)
            try await connection.withTransaction { connection in
                try await connection.query("INSERT INTO t VALUES (2)")
                try await connection.withRolledBackTransaction { try await $0.query("INSERT INTO t VALUES (3)") }
            }
            await #expect(throws: Refusal.self) {
                try await connection.withRolledBackTransaction { _ in throw Refusal() }
            }
            #expect(try await numbers(connection) == [2])
        }
    }

    @Test func `a transaction within a transaction is a savepoint`() async throws {
        try await withTable { connection, _ in
            try await connection.withTransaction { connection in
                try await connection.query("INSERT INTO t VALUES (1)")
                await #expect(throws: Refusal.self) {
                    try await connection.withTransaction { connection in
                        try await connection.query("INSERT INTO t VALUES (2)")
                        try await connection.withTransaction { _ = try await $0.query("INSERT INTO t VALUES (3)") }
                        throw Refusal()
                    }
                }
                let error = try await postgresError {
                    try await connection.withTransaction { _ = try await $0.query("INSERT INTO t VALUES (1)") }
                }
                #expect(error?.sqlState == .uniqueViolation)
                try await connection.withTransaction { _ = try await $0.query("INSERT INTO t VALUES (4)") }
            }
            #expect(try await numbers(connection) == [1, 4])
        }
    }

    @Test func `settings hold in their transaction alone, and a refused one leaves nothing open`() async throws {
        try await withTable { connection, _ in
            var options = TransactionOptions()
            options.settings = ["lock_timeout": "70ms", "app.note": "it's \\ here"]
            let question: PostgresQuery = "SELECT current_setting('lock_timeout'), current_setting('app.note')"
            try await connection.withTransaction(options) { connection in
                let (timeout, note) = try await connection.query(question).one().decode(String.self, String.self)
                #expect(timeout == "70ms")
                #expect(note == "it's \\ here")
            }
            let (timeout, note) = try await connection.query(question).one().decode(String.self, String.self)
            #expect(timeout == "0")
            #expect(note == "")
            options.settings = ["lock_timeout": "soon"]
            let error = await #expect(throws: PostgresError.self) {
                try await connection.withTransaction(options) { _ in Issue.record("the transaction began") }
            }
            #expect(error?.sqlState == SQLState(rawValue: "22023"))
            #expect(await !connection.isInTransaction)
        }
    }

    @Test func `options reach the server and cannot change within`() async throws {
        try await withTable { connection, _ in
            let options = TransactionOptions(isolation: .serializable, isReadOnly: true)
            try await connection.withTransaction(options) { connection in
                let level: String = try await connection.value("SHOW transaction_isolation")
                #expect(level == "serializable")
                let error = try await postgresError {
                    try await connection.withTransaction(.readOnly) { _ in Issue.record("it must not run") }
                }
                #expect(error?.code == .unexpectedResult)
                #expect(error?.nothingWasSent == true)
            }
            let error = try await postgresError {
                try await connection.withTransaction(.readOnly) { _ = try await $0.query("INSERT INTO t VALUES (1)") }
            }
            #expect(error?.sqlState == .readOnlyTransaction)
        }
    }

    /// Pain: COMMIT of an aborted transaction reports success.
    @Test func `pain 2: a COMMIT that the server answers with ROLLBACK throws with the cause`() async throws {
        try await withTable { connection, _ in
            let error = try await postgresError {
                try await connection.withTransaction { connection in
                    try await connection.query("INSERT INTO t VALUES (1)")
                    _ = try? await connection.query("SELECT 1 / 0")
                    _ = try? await connection.query("SELECT 2")
                }
            }
            #expect(error?.code == .transactionRolledBack)
            #expect(error?.suppressed.first?.sqlState?.rawValue == "22012")
            #expect(error?.description.contains("division by zero") == true)
            #expect(try await numbers(connection).isEmpty)
        }
    }

    @Test func `a cause that a savepoint took back is not told`() async throws {
        try await withTable { connection, _ in
            let error = try await postgresError {
                try await connection.withTransaction { connection in
                    try await connection.execute(script: "SAVEPOINT mine")
                    _ = try? await connection.query("SELECT 1 / 0")
                    try await connection.execute(script: "ROLLBACK TO mine")
                    _ = try? await connection.query("SELECT * FROM missing")
                }
            }
            #expect(error?.suppressed.first?.sqlState == .undefinedTable)
        }
    }

    @Test func `a deferred constraint that fails at COMMIT is the server's error`() async throws {
        try await withTable { connection, _ in
            try await connection.execute(
                script: "CREATE TABLE u (n int REFERENCES t DEFERRABLE INITIALLY DEFERRED)"
            )
            let error = try await postgresError {
                try await connection.withTransaction { _ = try await $0.query("INSERT INTO u VALUES (9)") }
            }
            #expect(error?.code == .server)
            #expect(error?.sqlState == .foreignKeyViolation)
            #expect(error?.mayHaveCommitted == false)
        }
    }

    @Test func `a session that is ended within a transaction is a definite failure`() async throws {
        try await withTable { observer, database in
            for usesItAfterwards in [true, false] {
                let error = try await postgresError {
                    try await PostgresConnection.withConnection(to: database.configuration) { connection in
                        try await connection.withTransaction { connection in
                            try await connection.query("INSERT INTO t VALUES (1)")
                            try await observer.terminate(await connection.backendProcessID)
                            if usesItAfterwards { try await connection.query("SELECT 1") }
                        }
                    }
                }
                #expect(error?.code == .connectionClosed)
                #expect(error?.description.contains("terminating connection due to administrator command") == true)
                // Nothing was asked after the end: COMMIT was never sent.
                if !usesItAfterwards { #expect(error?.mayHaveCommitted == false) }
                #expect(try await numbers(observer).isEmpty)
            }
        }
    }

    @Test func `pain 21: a session that is ended while COMMIT runs leaves its outcome open`() async throws {
        try await withTable { observer, database in
            try await observer.execute(script: slowCommit)
            let error = try await postgresError {
                try await PostgresConnection.withConnection(to: database.configuration) { connection in
                    let processID = await connection.backendProcessID
                    async let ended: Void = {
                        _ = try await eventually {
                            try await observer.query(
                                "SELECT FROM pg_stat_activity WHERE pid = \(processID) AND query = 'COMMIT' AND state = 'active'"
                            ).count == 1
                        }
                        try await observer.terminate(processID)
                    }()
                    do {
                        try await connection.withTransaction { _ = try await $0.query("INSERT INTO t VALUES (1)") }
                    } catch {
                        try await ended
                        throw error
                    }
                    try await ended
                }
            }
            #expect(error?.code == .commitOutcomeUnknown)
            #expect(error?.mayHaveCommitted == true)
            #expect(error?.suppressed.first?.code == .connectionClosed)
        }
    }

    @Test func `a COMMIT that the timeout stops was rolled back`() async throws {
        try await withTable { observer, database in
            try await observer.execute(script: slowCommit)
            try await database.connect({ $0.queryTimeout = .seconds(2) }) { connection in
                let error = try await postgresError {
                    try await connection.withTransaction { _ = try await $0.query("INSERT INTO t VALUES (1)") }
                }
                #expect(error?.code == .deadlineExceeded)
                #expect(error?.sqlState == .queryCanceled)
                #expect(error?.mayHaveCommitted == false)
                #expect(try await numbers(observer).isEmpty)
            }
        }
    }

    private let slowCommit = """
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(20); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION slow()
        """

    /// Pain: the root error is replaced by a later one.
    @Test func `pain 23: a rollback that fails keeps the first error`() async throws {
        try await withTable { observer, database in
            let error = try await postgresError {
                try await PostgresConnection.withConnection(to: database.configuration) { connection in
                    try await connection.withTransaction { connection in
                        let processID = await connection.backendProcessID
                        do {
                            try await connection.query("SELECT 1 / 0")
                        } catch {
                            try await observer.terminate(processID)
                            throw error
                        }
                    }
                }
            }
            #expect(error?.sqlState?.rawValue == "22012")
            #expect(error?.suppressed.map(\.code) == [.connectionClosed])
            #expect(error?.debugDescription.contains("then: ") == true)
        }
    }

    @Test func `a cancelled body is rolled back all the same`() async throws {
        try await withTable { connection, database in
            let task = Task {
                try await connection.withTransaction { connection in
                    try await connection.query("INSERT INTO t VALUES (1)")
                    try await connection.query("SELECT pg_sleep(60)")
                }
            }
            let processID = await connection.backendProcessID
            let isSleeping = try await database.connect { observer in
                try await eventually { try await observer.isSleeping(processID) }
            }
            #expect(isSleeping)
            task.cancel()
            let error = try await postgresError { try await task.value }
            #expect(error?.code == .cancelled)
            #expect(await connection.isInTransaction == false)
            #expect(try await numbers(connection).isEmpty)
        }
    }

    @Test func `a query beside BEGIN does not make it a savepoint`() async throws {
        try await withTable { connection, _ in
            for round in 0..<50 {
                async let beside: Int = connection.value("SELECT \(round)")
                try await connection.withTransaction { _ = try await $0.query("SELECT 1") }
                #expect(try await beside == round)
            }
        }
    }
}
