import ArgumentParser
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

    /// How to reach the database; every transaction there is read-only, by the server's word.
    func configuration(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> PostgresConfiguration {
        var configuration = try PostgresConfiguration(try connectionString(environment))
        configuration.applicationName = "vmmdb"
        configuration.settings["default_transaction_read_only"] = "on"
        configuration.settings["statement_timeout"] = "\(statementTimeout)s"
        return configuration
    }

    private func connectionString(_ environment: [String: String]) throws -> String {
        if let databaseURL { return databaseURL }
        if local { return try localURL() }
        for name in ["MIGRATE_DATABASE_URL", "DATABASE_URL"] {
            if let url = environment[name], !url.isEmpty { return url }
        }
        let libpqVariables = ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE"]
        guard libpqVariables.contains(where: { environment[$0]?.isEmpty == false }) else {
            throw ValidationError(
                """
                no database is given: use --database-url URL, set MIGRATE_DATABASE_URL, DATABASE_URL or libpq's PG* \
                variables, or use --local for the private server
                """
            )
        }
        return ""
    }

    private func localURL() throws -> String {
        let server = LocalServer()
        guard case .running = try server.status(), let url = try server.url() else {
            throw CommandFailure(
                "the private server in .local-postgres does not run; \"migrate local start\" starts it",
                exitCode: .cannotConnect
            )
        }
        return url
    }
}
