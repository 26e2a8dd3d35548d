import ArgumentParser
import SchemaMigrations

/// `migrate doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look for what would stop or slow a run, before it starts.",
        discussion: """
            Only reads. Looks at the server and its settings, the pooler, privileges, other runners, locks and long \
            transactions, prepared transactions, invalid indexes, constraints, replicas, slots, disk, and at the files. \
            Answers 6 when a run would fail (7 or 9 where files and history disagree); warnings alone answer 0.

            EXAMPLE
              migrate doctor && migrate up
              migrate doctor --long 10 --format json
            """
    )

    @Option(help: ArgumentHelp("A transaction is long after so many seconds (default: 60).", valueName: "seconds"))
    var long: Seconds?

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func run() async throws {
        let console = global.console
        let migrator = try await global.migrator(console)
        let diagnosis = try await migrator.diagnose(longAfter: long?.duration ?? .seconds(60))
        if global.format == .json {
            console.result(try JSONOutput.object(DoctorReport(diagnosis)))
        } else {
            console.result(DoctorText.render(diagnosis, console.resultStyle))
        }
        if diagnosis.exitCode != .done { throw ExitCode(diagnosis.exitCode.rawValue) }
    }
}
