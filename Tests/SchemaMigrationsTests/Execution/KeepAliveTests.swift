import EphemeralPostgres
import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// What the server is told, so that it finds out when a runner's machine is gone.
@Suite struct KeepAliveTests {
    /// As SQL, what holds for the session at this moment.
    private static let told = """
        concat_ws(' ', current_setting('tcp_keepalives_idle'), current_setting('tcp_keepalives_interval'),
            current_setting('tcp_keepalives_count'), current_setting('tcp_user_timeout'),
            current_setting('client_connection_check_interval'))
        """

    private static let files = [
        "0001_a/01_table.sql": """
        CREATE TABLE seen (place text, settings text);
        INSERT INTO seen SELECT 'batch' FROM generate_series(1, 3);
        CREATE PROCEDURE look() LANGUAGE sql AS $$ INSERT INTO seen VALUES ('statement', \(told)) $$;
        """,
        "0001_a/02_transaction.sql": "INSERT INTO seen VALUES ('transaction', \(told))",
        "0001_a/03_batch.sql":
            "-- migrate: backfill table=seen\nUPDATE seen SET settings = \(told) WHERE settings IS NULL",
        "0001_a/04_statement.sql": "-- migrate: no-transaction\nCALL look()",
    ]

    @Test func `every kind of step has keepalives of its own`() async throws {
        var options = EphemeralServer.Options()
        // Of a Unix socket there is nothing to tell.
        options.listensOnTCP = true
        try await EphemeralServer.withServer(options) { server in
            let address = try #require(server.connectionStringOverTCP(database: "postgres"))
            let database = try PostgresConfiguration(address)
            let log = EventLog()
            let migrator = Migrator(source: try MigrationSource(files: Self.files), database: database)
            #expect(try await migrator.up { log.add($0) }.steps.count == 4)
            let seen = try await PostgresConnection.withConnection(to: database) { connection in
                try await connection.query("SELECT DISTINCT place, settings FROM seen ORDER BY place")
                    .map { try $0.decode(String.self, String?.self) }
            }
            #expect(seen.map(\.0) == ["batch", "statement", "transaction"])
            // A statement outside a transaction is let to its end.
            #expect(seen.map(\.1) == ["10 5 3 30000 5s", "10 5 3 30000 0", "10 5 3 30000 5s"])
            // What the engine sets for the session is not told as the file's.
            #expect(!log.all.contains { if case .stepLeftSettings = $0 { true } else { false } })
        }
    }
}
