import ArgumentParser
import SchemaMigrations

/// `migrate plan`.
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what up would do: steps, SQL, locks, sizes, and what the previous release can do meanwhile.",
        discussion: """
            Reads only. Times are rough: they come from the tables' sizes.

            EXAMPLE
              migrate plan
              migrate plan --to 3 --format json
              migrate plan --output plan.json        then: migrate up --plan plan.json
            """
    )

    @Option(
        help: ArgumentHelp("Up to this version and no further, contract migrations included.", valueName: "version")
    )
    var to: MigrationVersion?

    @Option(help: "Which migrations are included when no version is asked for.")
    var phase = PhaseSelection.expand

    @Flag(
        name: .customLong("allow-out-of-order"),
        help: "Plan migrations too that are older than the newest applied one."
    )
    var allowsOutOfOrder = false

    @Flag(
        name: .customLong("exit-code"),
        help: "Answer 3 when something is pending, 7 when files and history disagree, 9 when the database is ahead."
    )
    var answersState = false

    @Option(
        help: ArgumentHelp(
            "Keep the plan in this file, for up --plan; not possible when files and history disagree.",
            valueName: "file"
        )
    )
    var output: String?

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func run() async throws {
        let console = global.console
        var options = global.migratorOptions
        options.allowsOutOfOrder = allowsOutOfOrder
        let migrator = try await global.migrator(console, options)
        let target = to.map(MigrationTarget.version) ?? .latest
        let plan = try await migrator.plan(to: target, phase: phase)
        let sizes = try await migrator.sizes(of: try PlanReport.tables(of: plan))
        let services = try await migrator.services()
        let report = try PlanReport(plan, sizes: sizes, services: services, options: options)
        if global.format == .json {
            console.result(try JSONOutput.object(report))
        } else {
            console.result(PlanText.render(report, heldBack: plan.heldBack, console.resultStyle))
        }
        if let output {
            try PlanFile.write(try await migrator.savePlan(to: target, phase: phase), to: output)
            console.message("kept in \(output); apply it with: migrate up --plan \(output)")
        }
        if answersState, plan.exitCodeOfCheck != .done { throw ExitCode(plan.exitCodeOfCheck.rawValue) }
    }
}
