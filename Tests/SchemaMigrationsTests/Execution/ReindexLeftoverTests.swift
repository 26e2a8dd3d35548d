import Postgres
import TestSupport
import Testing

@testable import SchemaMigrations

/// What a REINDEX CONCURRENTLY that was cut short leaves behind, also of the table that holds long values.
@Suite struct ReindexLeftoverTests {
    private let files = [
        "0001_a/up.sql": "CREATE TABLE t (id int PRIMARY KEY, long text); INSERT INTO t VALUES (1, 'x')",
        "0002_b/up.sql": "-- migrate: no-transaction\nREINDEX TABLE CONCURRENTLY t",
    ]

    private static let invalid: PostgresQuery = """
        SELECT count(*) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE NOT i.indisvalid AND n.nspname = 'pg_toast'
        """

    /// Reindexes while somebody writes, until the server gives up.
    private func leaveBehind(_ first: PostgresConnection, _ other: PostgresConnection) async throws {
        try await other.execute(script: "BEGIN; UPDATE t SET long = 'y'")
        try await first.execute(script: "SET statement_timeout = '300ms'")
        let error = await #expect(throws: PostgresError.self) {
            try await first.execute(script: "REINDEX TABLE CONCURRENTLY t")
        }
        #expect(error?.sqlState == .queryCanceled)
        try await first.execute(script: "RESET statement_timeout")
        try await other.execute(script: "COMMIT")
        let left: Int64 = try await first.value(Self.invalid)
        try #require(left > 0)
    }

    @Test func `INVALID indexes of a TOAST table are found, removed and built anew`() async throws {
        try await withDatabase { database in
            _ = try await migrator(files.filter { $0.key.hasPrefix("0001") }, on: database).up()
            try await database.connect { first in
                try await database.connect { other in try await leaveBehind(first, other) }
                _ = try await migrator(files, on: database).up()
                let left: Int64 = try await first.value(Self.invalid)
                #expect(left == 0)
            }
        }
    }

    @Test func `one that the role may not remove is told with the statement that does`() async throws {
        try await OwnServer.with([:]) { server in
            try await server.connection.execute(
                script: "CREATE ROLE deployer LOGIN; GRANT CREATE ON SCHEMA public TO deployer"
            )
            let deployer = try server.with(user: "deployer")
            _ = try await deployer.migrator(files.filter { $0.key.hasPrefix("0001") }).up()
            try await PostgresConnection.withConnection(to: server.configuration) { other in
                try await leaveBehind(server.connection, other)
            }
            let error = try #require(try await failure(deployer.migrator(files)))
            #expect(error.code == .unsettled && error.exitCode == .needsHuman)
            #expect(error.message.contains("pg_toast"))
            let hint = try #require(error.hint)
            let statement = try #require(hint.firstMatch(of: /as a superuser: (DROP INDEX CONCURRENTLY [^;]+);/)?.1)
            try await server.connection.execute(script: String(statement))
            _ = try await deployer.migrator(files).up()
            let left: Int64 = try await server.connection.value(Self.invalid)
            #expect(left == 0)
        }
    }

    @Test(arguments: [(nil, .note), (2002, .ok), (2000, .warning)] as [(Int64?, Diagnosis.Severity)])
    func `free space is enough for the tables once more, and the log`(free: Int64?, severity: Diagnosis.Severity) {
        #expect(Examination.severity(free: free, touched: 1000) == severity)
    }
}
