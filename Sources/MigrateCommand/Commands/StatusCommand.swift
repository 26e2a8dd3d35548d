import ArgumentParser
import SchemaMigrations

/// `migrate status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what is applied and what is pending; takes no locks.",
        discussion: """
            Works for a role that may only read, and on a standby.

            EXAMPLE
              migrate status
              migrate status --exit-code --format json
            """
    )

    @Flag(
        name: .customLong("exit-code"),
        help: "Answer 3 when something is pending, 7 when files and history disagree, 9 when the database is ahead."
    )
    var answersState = false

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func run() async throws {
        let console = global.console
        let source = try global.loadSource(console)
        var options = MigratorOptions()
        options.schema = global.schema
        let migrator = Migrator(source: source, database: try await global.database(console), options: options)
        let history = try await migrator.history()
        let status = MigrationStatus(source: source, history: history)
        if global.format == .json {
            console.result(try JSONOutput.object(status))
        } else {
            let findings = try MigrationPlan.make(source: source, history: history).findings
            console.result(StatusText.render(status, findings: findings, console.resultStyle))
        }
        if answersState, status.exitCode != .done { throw ExitCode(status.exitCode.rawValue) }
    }
}
