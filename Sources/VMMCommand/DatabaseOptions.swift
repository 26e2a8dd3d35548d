import ArgumentParser
import CommandSupport
import EphemeralPostgres
import Foundation
import Postgres
import VMMDatastore

/// Where the database is.
struct DatabaseOptions: ParsableArguments {
    @Option(
        name: .customLong("database-url"),
        help: ArgumentHelp("The database, as a URL or libpq's key=value string.", valueName: "url")
    )
    var databaseURL: String?

    @Flag(help: "Use the private server in .local-postgres.")
    var local = false

    @Option(help: ArgumentHelp("How many seconds a statement may take.", valueName: "seconds"))
    var statementTimeout = 30

    func validate() throws {
        guard databaseURL == nil || !local else {
            throw ValidationError("--database-url and --local exclude each other")
        }
        guard (1...86_400).contains(statementTimeout) else {
            throw ValidationError("--statement-timeout ranges from 1 to 86400")
        }
    }

    /// How everything that only reads is asked: the server refuses writes in such a transaction, behind a pooler too.
    var reading: TransactionOptions {
        var options = TransactionOptions.readOnly
        options.settings["statement_timeout"] = "\(statementTimeout)s"
        return options
    }

    /// How to reach the database.
    func configuration(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) async throws -> PostgresConfiguration {
        var configuration = try PostgresConfiguration(try await connectionString(environment))
        configuration.applicationName = "vmmdb"
        return configuration
    }

    /// The same for what writes, which brings no limit as ``reading`` does.
    ///
    /// Kept on this side: a setting of the session would reach other clients behind a pooler.
    func configurationForWriting() async throws -> PostgresConfiguration {
        var configuration = try await configuration()
        configuration.queryTimeout = .seconds(statementTimeout)
        return configuration
    }

    private func connectionString(_ environment: [String: String]) async throws -> String {
        switch try DatabaseChoice.choose(url: databaseURL, isLocal: local, environment: environment) {
        case .connectionString(let text): text
        case .libpqEnvironment: ""
        case .local: try await localURL()
        }
    }

    /// Starts the private server where it is stopped; a new one would only be empty.
    private func localURL() async throws -> String {
        let server = LocalServer()
        guard try server.status() != .absent else {
            throw CommandFailure(
                "there is no private server in .local-postgres; \"migrate up --local\" makes one",
                exitCode: .cannotConnect
            )
        }
        return try await server.start().url
    }
}
