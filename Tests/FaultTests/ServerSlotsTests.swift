import EphemeralPostgres
import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// A server that has no connection left.
@Suite struct ServerSlotsTests {
    private static let slots = 6

    @Test func `without free connections pool and runner say so, and go on when there are some`() async throws {
        var options = EphemeralServer.Options()
        options.maxConnections = Self.slots
        options.settings["superuser_reserved_connections"] = "0"
        try await EphemeralServer.withServer(options) { server in
            let configuration = try PostgresConfiguration(server.connectionString(database: "postgres"))
            let source = try Laboratory.source(rows: 600)
            var holders: [PostgresConnection] = []
            for _ in 0..<Self.slots { holders.append(try await PostgresConnection.connect(to: configuration)) }
            let pool = PostgresPool(configuration, maximumConnections: 2, acquireTimeout: .seconds(6))
            try await expectRefused(pool, source, configuration)
            // Each run finds a connection more than the last; with few, it has to say that they do not do.
            var refusals = 0
            var hasSucceeded = false
            while let holder = holders.popLast() {
                await holder.close()
                switch try await outcome({ try await Laboratory.migrator(source, configuration).up() }) {
                case .success: hasSucceeded = true
                case .failure(let error):
                    refusals += 1
                    #expect(!hasSucceeded)
                    #expect(error.exitCode == .cannotConnect, "\(error)")
                    #expect("\(error)".contains("too many clients"), "\(error)")
                }
            }
            #expect(hasSucceeded)
            try await pool.query("SELECT 1")
            await pool.shutDown()
            #expect(try await Laboratory.migrator(source, configuration).status().state == .upToDate)
            FaultRun.tell(
                "no connection left at the server",
                "\(Self.slots) of \(Self.slots) taken: pool and runner said so; with more free, "
                    + "the runner said so \(refusals) times and then succeeded"
            )
        }
    }

    private func expectRefused(
        _ pool: PostgresPool,
        _ source: MigrationSource,
        _ configuration: PostgresConfiguration
    ) async throws {
        let refused = await #expect(throws: PostgresError.self) { try await pool.query("SELECT 1") }
        #expect(refused?.code == .connectionFailed)
        #expect(refused?.nothingWasSent == true)
        #expect(refused?.description.contains("too many clients") == true)
        guard
            case .failure(let error) = try await outcome({ try await Laboratory.migrator(source, configuration).up() })
        else {
            Issue.record("a runner without a connection succeeded")
            return
        }
        #expect(error.code == .cannotConnect)
        #expect(error.exitCode == .cannotConnect)
        #expect("\(error)".contains("too many clients"))
    }
}
