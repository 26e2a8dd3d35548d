import EphemeralPostgres
import Postgres
import TestSupport
import Testing

/// When its wait for a synchronous standby is ended, a commit is acknowledged with a warning only; it is told as unknown.
struct UnreplicatedCommitTests {
    /// Lends a connection whose commits wait for a standby that does not exist, half a second long.
    private func withWaitingCommits(_ body: (PostgresConnection) async throws -> Void) async throws {
        var settings = EphemeralServer.Options()
        settings.settings = ["synchronous_standby_names": "nobody", "synchronous_commit": "local"]
        try await EphemeralServer.withServer(settings) { server in
            var configuration = try PostgresConfiguration(server.connectionString(database: "postgres"))
            try await PostgresConnection.withConnection(to: configuration) { connection in
                try await connection.execute(script: "CREATE TABLE t (n int)")
            }
            configuration.settings["synchronous_commit"] = "on"
            configuration.queryTimeout = .milliseconds(500)
            try await PostgresConnection.withConnection(to: configuration, body)
        }
    }

    private func expectUnknown(_ error: PostgresError?) {
        #expect(error?.code == .commitOutcomeUnknown)
        #expect(error?.mayHaveCommitted == true)
    }

    @Test func `a statement, a script and a transaction are told as unknown, and the connection goes on`() async throws
    {
        try await withWaitingCommits { connection in
            expectUnknown(try await postgresError { try await connection.query("INSERT INTO t VALUES (1)") })
            let script = "INSERT INTO t VALUES (2); COMMIT; SELECT 1 / 0"
            let error = try await postgresError { try await connection.execute(script: script) }
            expectUnknown(error)
            #expect(error?.suppressed.first?.sqlState?.rawValue == "22012")
            var tries = 0
            expectUnknown(
                try await postgresError {
                    try await connection.withTransaction(retry: TransactionRetry()) { connection, _ in
                        tries += 1
                        try await connection.query("INSERT INTO t VALUES (3)")
                    }
                }
            )
            #expect(tries == 1)
            #expect(
                try await connection.query("SELECT n FROM t ORDER BY n").map { try $0.decode(at: 0, as: Int.self) } == [
                    1, 2, 3,
                ]
            )
        }
    }

    @Test func `a cancelled caller is told that the outcome is unknown`() async throws {
        try await withWaitingCommits { connection in
            let task = Task {
                try await connection.query("INSERT INTO t VALUES (1)", timeout: .seconds(60))
            }
            try await Task.sleep(for: .milliseconds(300))
            task.cancel()
            expectUnknown(try await postgresError { try await task.value })
        }
    }

    @Test func `a pipeline names the commits that wait in vain`() async throws {
        try await withWaitingCommits { connection in
            expectUnknown(
                try await postgresError {
                    try await connection.pipeline { pipeline in
                        _ = pipeline.query("INSERT INTO t VALUES (1)")
                        _ = pipeline.query("INSERT INTO t VALUES (2)")
                    }
                }
            )
            var results: [PostgresPipelineResult<PostgresRows>] = []
            _ = try await postgresError {
                try await connection.pipeline(onFailure: .keepOthers) { pipeline in
                    results = (3...4).map { pipeline.query("INSERT INTO t VALUES (\($0))") }
                }
            }
            expectUnknown(try await postgresError { try results[0].get() })
            #expect(try await connection.query("SELECT 1").one().decode(Int.self) == 1)
        }
    }
}
