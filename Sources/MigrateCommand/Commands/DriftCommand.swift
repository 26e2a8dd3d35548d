import ArgumentParser
import Postgres
import SchemaMigrations

/// `migrate drift`.
struct DriftCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drift",
        abstract: "Show what differs between the live schema and what the migrations make, object by object.",
        discussion: """
            Runs the applied migrations on a private PostgreSQL that is gone afterwards, or in the empty database that \
            --against names, and compares. The live database is only read. Answers 7 when there is drift.

            EXAMPLE
              migrate drift
              migrate drift --against postgresql://localhost/scratch
            """
    )

    @Option(help: ArgumentHelp("An empty database to run the migrations in.", valueName: "url"))
    var against: String?

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func run() async throws {
        let console = global.console
        let migrator = try await global.migrator(console)
        let version = try await migrator.schema().serverVersion
        let drift = try await ScratchDatabase.with(
            url: against,
            like: migrator,
            serverVersion: version,
            console,
            migrator.drift(against:)
        )
        if global.format == .json {
            console.result(try JSONOutput.object(DriftReport(drift)))
        } else {
            console.result(DriftText.render(drift, console.resultStyle))
        }
        if drift.exitCode != .done { throw ExitCode(drift.exitCode.rawValue) }
    }
}
