import EphemeralPostgres
import Foundation
import Postgres
import TestSupport
import Testing

/// Through PgBouncer, with one session of the server for all clients.
@Suite(.enabled(if: Program.find("pgbouncer") != nil, "needs the package pgbouncer"))
struct PoolerTests {
    /// Runs PgBouncer in front of a database; clients reach it through a Unix socket.
    private func withPooler<R>(
        _ mode: String,
        _ body: (TestDatabase, PostgresConfiguration) async throws -> R
    ) async throws -> R {
        let program = try #require(Program.find("pgbouncer"))
        return try await withDatabase { database in
            try await withFolder { folder in
                let file = folder.appending(path: "pgbouncer.ini").path()
                try settings(mode, database, folder).write(toFile: file, atomically: true, encoding: .utf8)
                try await database.server.adopt(folder.path())
                let process = Process()
                process.executableURL = URL(filePath: "/bin/sh")
                // Ends with its input, also when this process is killed; signals may be blocked in what it starts.
                let script = #""$@" & read -r _; kill -KILL "$!""#
                process.arguments = try ["-c", script, "sh"] + user(of: database.server) + [program, "--quiet", file]
                process.standardError = FileHandle.nullDevice
                process.standardOutput = FileHandle.nullDevice
                let input = Pipe()
                process.standardInput = input
                try process.run()
                defer { try? input.fileHandleForWriting.close() }
                let socket = folder.appending(path: ".s.PGSQL.6432").path()
                let isReady = try await eventually { FileManager.default.fileExists(atPath: socket) }
                try #require(isReady)
                let configuration = try PostgresConfiguration(
                    "host=\(folder.path()) port=6432 user=postgres dbname=\(database.name)"
                )
                // The socket is there before anybody listens at it.
                let isAnswering = try await eventually {
                    try await postgresError { try await PostgresConnection.connect(to: configuration).close() } == nil
                }
                try #require(isAnswering)
                return try await body(database, configuration)
            }
        }
    }

    private func settings(_ mode: String, _ database: TestDatabase, _ folder: URL) -> String {
        """
        [databases]
        * = host=\(database.server.socketDirectory) port=\(database.server.port) user=postgres
        [pgbouncer]
        unix_socket_dir = \(folder.path())
        listen_port = 6432
        auth_type = any
        pool_mode = \(mode)
        default_pool_size = \(mode == "session" ? 4 : 1)
        logfile = \(folder.appending(path: "log").path())
        """
    }

    /// PgBouncer, too, does not run as root.
    private func user(of server: EphemeralServer) throws -> [String] {
        guard geteuid() == 0 else { return [] }
        let owner = try server.owner
        return ["setpriv", "--reuid=\(owner.user)", "--regid=\(owner.group)", "--clear-groups"]
    }

    /// Pain: named statements in transaction mode ("does not exist", "already exists").
    @Test(arguments: ["transaction", "session"])
    func `pain 14: statements, transactions and errors work in every mode of a pooler`(mode: String) async throws {
        try await withPooler(mode) { _, configuration in
            try await PostgresConnection.withConnection(to: configuration) { first in
                try await PostgresConnection.withConnection(to: configuration) { second in
                    try await first.execute(script: "CREATE TABLE t (a bigint)")
                    for number in 0..<20 {
                        for connection in [first, second] {
                            let read: Int = try await connection.value("SELECT \(number) + 1")
                            #expect(read == number + 1)
                            try await connection.withTransaction { connection in
                                for _ in 0..<3 { try await connection.query("INSERT INTO t VALUES (\(number))") }
                            }
                        }
                    }
                    let count: Int = try await second.value("SELECT count(*) FROM t")
                    #expect(count == 120)
                    let error = try await postgresError { try await first.query("SELECT 1 / \(0)") }
                    #expect(error?.sqlState?.hasSameClass(as: .dataException) == true)
                    #expect(try await first.value("SELECT 7") == 7)
                }
            }
        }
    }

    @Test func `behind a pooler no setting and no statement stays in the server's session`() async throws {
        let recorder = LogRecorder()
        try await withPooler("transaction") { _, configuration in
            var strict = configuration
            strict.settings["lock_timeout"] = "1234ms"
            strict.logger = recorder.logger
            try await PostgresConnection.withConnection(to: strict) { connection in
                for _ in 0..<3 { try await connection.query("SELECT \(1)") }
            }
            try await PostgresConnection.withConnection(to: configuration) { connection in
                let (timeout, statements) = try await connection.query(
                    "SELECT current_setting('lock_timeout'), (SELECT count(*) FROM pg_prepared_statements)"
                ).one().decode(String.self, Int64.self)
                #expect(timeout == "0" && statements == 0)
            }
        }
        #expect(recorder.lines.contains { $0.hasPrefix("notice behind a pooler") && $0.contains("lock_timeout") })
    }

    @Test func `in session mode the connection can be told that the session is its own`() async throws {
        try await withPooler("session") { _, configuration in
            var own = configuration
            own.pooler = .session
            own.settings["lock_timeout"] = "1234ms"
            try await PostgresConnection.withConnection(to: own) { connection in
                for _ in 0..<3 { try await connection.query("SELECT \(1)") }
                #expect(try await connection.preparedStatementCount == 1)
                #expect(try await connection.value("SELECT current_setting('lock_timeout')") == "1234ms")
            }
        }
    }

    @Test func `statements that a pooler lost are an error that names the switch`() async throws {
        try await withPooler("transaction") { _, configuration in
            var caching = configuration
            caching.statementCaching = .always
            try await PostgresConnection.withConnection(to: caching) { connection in
                for _ in 0..<3 { try await connection.query("SELECT \(1)") }
                try await PostgresConnection.withConnection(to: configuration) { other in
                    _ = try await other.execute(script: "DEALLOCATE ALL")
                }
                // Outside a transaction it heals.
                #expect(try await connection.value("SELECT \(1)") == 1)
                try await connection.query("SELECT \(1)")
                try await PostgresConnection.withConnection(to: configuration) { other in
                    _ = try await other.execute(script: "DEALLOCATE ALL")
                }
                let error = try await postgresError {
                    try await connection.withTransaction { try await $0.query("SELECT \(1)") }
                }
                #expect(error?.sqlState == .invalidStatementName)
                #expect(error?.message.contains("statementCaching") == true)
            }
        }
    }

    @Test(arguments: ["transaction", "session"])
    func `a cancelled statement stops on the server and hits nobody else`(mode: String) async throws {
        try await withPooler(mode) { _, configuration in
            try await PostgresConnection.withConnection(to: configuration) { connection in
                for number in 0..<20 {
                    let error = try await postgresError {
                        try await connection.query("SELECT pg_sleep(600)", timeout: .milliseconds(20))
                    }
                    #expect(error?.code == .deadlineExceeded)
                    #expect(error?.sqlState == .queryCanceled)
                    let read: Int = try await connection.value("SELECT \(number)")
                    #expect(read == number)
                }
            }
        }
    }
}
