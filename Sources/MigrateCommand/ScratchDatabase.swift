import EphemeralPostgres
import Foundation
import Postgres
import SchemaMigrations

/// An empty database in which migrations are run to see what schema they make.
enum ScratchDatabase {
    /// Lends the database that `url` names or, without one, one on a private server that is gone afterwards.
    ///
    /// The private server is of that major version if it is installed, and knows the roles' names of the live one, if
    /// there is one.
    static func with<Value: Sendable>(
        url: String? = nil,
        like migrator: Migrator?,
        serverVersion: Int?,
        _ console: Console,
        _ body: (PostgresConfiguration) async throws -> Value
    ) async throws -> Value {
        if let url {
            var configuration = try PostgresConfiguration(url)
            configuration.applicationName = "migrate"
            return try await body(configuration)
        }
        if console.isVerbose { console.message("starting a private server to run the migrations on") }
        var options = EphemeralServer.Options()
        options.programsDirectory = serverVersion.flatMap(programsDirectory)
        do {
            return try await EphemeralServer.withServer(options) { server in
                try await server.createDatabase("scratch", template: "template0")
                let configuration = try PostgresConfiguration(server.connectionString(database: "scratch"))
                try await migrator?.prepare(scratch: configuration)
                return try await body(configuration)
            }
        } catch let error as PostgresServerError {
            throw MigrationError(
                .localServer,
                "the migrations cannot be run on a private server: \(error)",
                hint: "drift can use an empty database instead: --against URL",
                underlying: error
            )
        }
    }

    /// Where Debian has the programs of a major version; nil leaves the choice to the usual search.
    private static func programsDirectory(_ version: Int) -> String? {
        guard ProcessInfo.processInfo.environment["VMM_STORE_PG_BIN", default: ""].isEmpty else { return nil }
        let directory = "/usr/lib/postgresql/\(version)/bin"
        return FileManager.default.isExecutableFile(atPath: "\(directory)/initdb") ? directory : nil
    }
}
