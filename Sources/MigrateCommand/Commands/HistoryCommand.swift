import ArgumentParser
import SchemaMigrations

/// `migrate history`.
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show every attempt of every step: when, who, how long, locks, rows, and what came of it.",
        discussion: """
            Works for a role that may only read, and on a standby. --html writes one page with a timeline of each run, \
            which needs nothing from anywhere else: mail it, print it, keep it with the ticket.

            EXAMPLE
              migrate history
              migrate history --run 7 --format json
              migrate history --html history.html
            """
    )

    @Option(help: ArgumentHelp("Only this run, by its number.", valueName: "number"))
    var run: Int64?

    @Option(help: ArgumentHelp("Write a page to this file instead of stdout.", valueName: "file"))
    var html: String?

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func validate() throws {
        if html != nil, global.format == .json {
            throw ValidationError("--html and --format json contradict each other")
        }
    }

    func run() async throws {
        let console = global.console
        let migrator = try await global.migratorWithoutFiles(console)
        let log = try await migrator.log()
        let runs = try selected(log)
        if let html {
            try OutputFile.write(HistoryPage.render(log, runs), to: html, "the page")
            console.message("written to \(html)")
        } else if global.format == .json {
            console.result(try JSONOutput.object(HistoryReport(log, runs)))
        } else {
            console.result(HistoryText.render(log, runs, console.resultStyle))
        }
    }

    private func selected(_ log: MigrationLog) throws -> [MigrationLog.Run] {
        guard let number = run else { return log.runs }
        let runs = log.runs.filter { $0.number == number }
        guard !runs.isEmpty else {
            let known = log.runs.last.map { "the newest is \($0.number)" } ?? "nothing has run here"
            throw MigrationError(
                .unknownRun,
                "no run has the number \(number); \(known)",
                hint: "migrate history lists them",
                exitCode: .usage
            )
        }
        return runs
    }
}

extension MigrationError.Code {
    /// A run that was asked for is not in the history.
    static let unknownRun = Self(rawValue: "unknown_run")
}
