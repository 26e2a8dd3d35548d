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
              migrate status --watch        until Ctrl-C
            """
    )

    @Flag(
        name: .customLong("exit-code"),
        help: "Answer 3 when something is pending, 7 when files and history disagree, 9 when the database is ahead."
    )
    var answersState = false

    @Flag(help: "Show it again and again, with who is at work, until interrupted.")
    var watch = false

    @Option(help: ArgumentHelp("With --watch: how many seconds lie between (default: 2).", valueName: "seconds"))
    var interval: Seconds?

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func validate() throws {
        if watch, answersState { throw ValidationError("--watch does not end by itself, so --exit-code has no answer") }
        if interval != nil, !watch { throw ValidationError("--interval belongs to --watch") }
        if let interval, interval.duration < .milliseconds(100) { throw ValidationError("--interval is at least 0.1") }
    }

    func run() async throws {
        let console = global.console
        let migrator = try await global.migrator(console)
        if watch {
            let watch = StatusWatch(migrator: migrator, console: console, isJSON: global.format == .json)
            return try await watch.run(every: interval?.duration ?? .seconds(2))
        }
        let situation = try await migrator.situation()
        let history = situation.history
        let status = MigrationStatus(source: migrator.source, history: history, services: situation.services)
        if global.format == .json {
            console.result(try JSONOutput.object(status))
        } else {
            let findings = try MigrationPlan.make(source: migrator.source, history: history).findings
            console.result(StatusText.render(status, findings: findings, console.resultStyle))
        }
        if answersState, status.exitCode != .done { throw ExitCode(status.exitCode.rawValue) }
    }
}
