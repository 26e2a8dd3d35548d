import EphemeralPostgres
import Postgres
import TestSupport
import Testing

/// Pain: an ambiguous COMMIT is treated as a failure, or as a success.
struct LostCommitTests {
    private let slowCommit = """
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION slow()
        """

    /// Inserts, and ends the session while its COMMIT runs; what the caller was told.
    private func lose(
        _ configuration: PostgresConfiguration,
        _ options: TransactionOptions,
        query: PostgresQuery = "INSERT INTO t VALUES (1)",
        observer: PostgresConnection,
        before: () async throws -> Void = {}
    ) async throws -> PostgresError? {
        let connection = try await PostgresConnection.connect(to: configuration)
        let processID = await connection.backendProcessID
        let task = Task {
            try await connection.withTransaction(options) { _ = try await $0.query(query) }
        }
        let isCommitting = try await eventually {
            try await observer.query(
                """
                SELECT FROM pg_stat_activity WHERE pid = \(processID) AND query = 'COMMIT' AND state = 'active'
                AND wait_event IN ('PgSleep', 'SyncRep')
                """
            ).count == 1
        }
        #expect(isCommitting)
        try await before()
        try await observer.terminate(processID)
        let error = try await postgresError { try await task.value }
        await connection.close()
        return error
    }

    private func options(_ timeout: Duration) -> TransactionOptions {
        var options = TransactionOptions()
        options.lostCommitTimeout = timeout
        return options
    }

    @Test func `a lost COMMIT that the server rolled back is told as that`() async throws {
        try await withDatabase { database in
            try await database.connect { observer in
                try await observer.execute(script: "CREATE TABLE t (n int)")
                try await observer.execute(script: slowCommit)
                let error = try await lose(database.configuration, options(.seconds(30)), observer: observer)
                #expect(error?.code == .transactionRolledBack)
                #expect(error?.mayHaveCommitted == false)
                #expect(error?.suppressed.first?.code == .connectionClosed)
                #expect(try await observer.query("SELECT FROM t").isEmpty)
            }
        }
    }

    @Test func `a lost COMMIT that the server carried out is a success`() async throws {
        // COMMIT waits for a standby that does not exist; ended meanwhile, it has happened all the same.
        var settings = EphemeralServer.Options()
        settings.settings = ["synchronous_standby_names": "nobody", "synchronous_commit": "local"]
        try await EphemeralServer.withServer(settings) { server in
            let configuration = try PostgresConfiguration(server.connectionString(database: "postgres"))
            try await PostgresConnection.withConnection(to: configuration) { observer in
                try await observer.execute(script: "CREATE TABLE t (n int)")
                var waiting = configuration
                waiting.settings["synchronous_commit"] = "on"
                let error = try await lose(waiting, options(.seconds(30)), observer: observer)
                #expect(error == nil)
                #expect(try await observer.query("SELECT FROM t").count == 1)
                let unasked = try await lose(waiting, TransactionOptions(), observer: observer)
                #expect(unasked?.code == .commitOutcomeUnknown)
            }
        }
    }

    @Test func `a lost COMMIT stays unknown when nobody can be asked`() async throws {
        try await withDatabase { database in
            try await database.connect { observer in
                try await observer.execute(script: "CREATE TABLE t (n int); CREATE ROLE asker LOGIN")
                try await observer.execute(script: "GRANT ALL ON t TO asker")
                try await observer.execute(script: slowCommit)
                let asker = try PostgresConfiguration(database.connectionString + " user=asker")
                let error = try await lose(asker, options(.milliseconds(300)), observer: observer) {
                    try await observer.execute(script: "ALTER ROLE asker NOLOGIN")
                }
                try await observer.execute(script: "DROP OWNED BY asker; DROP ROLE asker")
                #expect(error?.code == .commitOutcomeUnknown)
                #expect(error?.mayHaveCommitted == true)
            }
        }
    }

    @Test func `a transaction that wrote nothing and one that commits undisturbed need no answer`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let one: Int = try await connection.withTransaction(options(.seconds(5))) { connection in
                    try await connection.value("SELECT 1")
                }
                #expect(one == 1)
                try await connection.withTransaction(options(.seconds(5))) {
                    try await $0.execute(script: "CREATE TABLE t (n int)")
                }
                #expect(try await connection.query("SELECT FROM t").isEmpty)
            }
        }
    }

    @Test func `deferred constraints can be checked before COMMIT`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(
                    script: """
                        CREATE TABLE t (n int PRIMARY KEY);
                        CREATE TABLE u (n int REFERENCES t DEFERRABLE INITIALLY DEFERRED)
                        """
                )
                var options = TransactionOptions()
                options.checksConstraintsBeforeCommit = true
                let chosen = options
                let error = try await postgresError {
                    try await connection.withTransaction(chosen) { _ = try await $0.query("INSERT INTO u VALUES (9)") }
                }
                #expect(error?.sqlState == .foreignKeyViolation)
                #expect(await connection.isInTransaction == false)
                try await connection.withTransaction(chosen) { connection in
                    try await connection.query("INSERT INTO u VALUES (9)")
                    try await connection.query("INSERT INTO t VALUES (9)")
                }
                #expect(try await connection.query("SELECT FROM u").count == 1)
            }
        }
    }
}
