import EphemeralPostgres
import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// The server itself goes down.
@Suite struct ServerCrashTests {
    @Test func `a backfill goes on where it was when the server crashed under it`() async throws {
        var options = EphemeralServer.Options()
        options.durable = true
        try await EphemeralServer.withServer(options) { server in
            let source = try Laboratory.source(rows: 20_000)
            let reference = try PostgresConfiguration(server.connectionString(database: "postgres"))
            _ = try await Laboratory.migrator(source, reference).up()
            let expected = try await DatabaseState.read(reference)

            try await server.createDatabase("crashed", template: "template0")
            let crashed = try PostgresConfiguration(server.connectionString(database: "crashed"))
            let crash = FaultInBackfill { try await server.stop(mode: .immediate) }
            let attempt = try await outcome {
                try await Laboratory.migrator(source, crashed, batchPages: 1).up { crash.see($0) }
            }
            guard case .failure(let error) = attempt else {
                Issue.record("the run succeeded on a server that is down")
                return
            }
            #expect([.connectionLost, .cannotConnect].contains(error.code), "\(error)")
            try await crash.wait()
            try await server.resume()
            let pages: Int64 = try await PostgresConnection.withConnection(to: crashed) { connection in
                try await connection.query("SELECT next_page FROM migrate_backfill").one().decode(at: 0)
            }
            #expect(pages > 0)
            _ = try await Laboratory.migrator(source, crashed).up()
            #expect(try await DatabaseState.read(crashed) == expected)
        }
    }
}
