import ArgumentParser
import SchemaMigrations

/// `migrate repair`.
struct RepairCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Record the text that an applied migration's files have now.",
        discussion: """
            For one migration whose files were edited or renamed after it was applied, when the edit asks for nothing \
            else than before: a comment, the layout of the text. Nothing is run. Shows what differs; asks on a terminal, \
            and refuses without --yes elsewhere. The history keeps checksums, not texts: what was edited is for version \
            control to say. A step that was added, removed or moved is refused (exit 7): that is no other text.

            EXAMPLE
              migrate repair --at 2
              migrate repair --at 2 --yes && migrate drift
            """
    )

    @Option(help: ArgumentHelp("The version of the migration.", valueName: "version"))
    var at: MigrationVersion

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup
    var signatures: SignatureOptions

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func run() async throws {
        let console = global.console
        let migrator = try await global.migrator(console, nil, signatures.check())
        let plan = try await migrator.repairPlan(at: at)
        if !plan.isEmpty { try show(plan, console) }
        let done = try await InterruptSignals.cancelling(
            notice: { console.message("interrupted; stopping at a safe point (once more stops at once)") },
            {
                try await migrator.repair(plan) { event in
                    guard case .lockWaiting(let holder, let waited) = event else { return }
                    console.message(RunText.waiting(holder, waited))
                }
            }
        )
        if global.format == .json {
            console.result(try JSONOutput.object(RepairReport(done)))
        } else {
            console.result(RepairText.result(done, console.resultStyle))
        }
    }

    /// Shows what differs, also to who cannot be asked, and asks.
    private func show(_ plan: RepairPlan, _ console: Console) throws {
        let differences = RepairText.differences(plan)
        guard !yes else { return console.message(differences) }
        StandardStream.error.write(differences + "\n")
        try Confirmation.require(for: "record \(plan.migration.folder) as its files are now")
    }
}
