import EphemeralPostgres
import Postgres
import SchemaMigrations

/// A server of a test's own, for what no database can have to itself.
struct OwnServer {
    let server: EphemeralServer
    let configuration: PostgresConfiguration
    let connection: PostgresConnection

    static func with(_ settings: [String: String], _ body: (OwnServer) async throws -> Void) async throws {
        var options = EphemeralServer.Options()
        options.settings.merge(settings) { $1 }
        try await EphemeralServer.withServer(options) { server in
            let configuration = try PostgresConfiguration(server.connectionString(database: "postgres"))
            try await PostgresConnection.withConnection(to: configuration) { connection in
                try await body(
                    OwnServer(server: server, configuration: configuration, connection: connection)
                )
            }
        }
    }

    /// The same, with migrators that log in as another role.
    func with(user: String) throws -> OwnServer {
        let place = "host=\(server.socketDirectory) port=\(server.port)"
        return OwnServer(
            server: server,
            configuration: try PostgresConfiguration("\(place) user=\(user) dbname=postgres"),
            connection: connection
        )
    }

    func migrator(
        _ files: [String: String],
        _ adjust: (inout MigratorOptions) -> Void = { _ in }
    ) throws -> Migrator {
        var options = MigratorOptions()
        options.lockTimeout = .milliseconds(100)
        adjust(&options)
        return Migrator(source: try MigrationSource(files: files), database: configuration, options: options)
    }
}
