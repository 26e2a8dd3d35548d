import ArgumentParser
import SchemaMigrations

/// `migrate baseline`.
struct BaselineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baseline",
        abstract: "Adopt a database that was made without this engine.",
        discussion: """
            With --at, records everything up to a version as applied, after checking the schema: the migrations run on \
            a private PostgreSQL that is gone afterwards, or in the empty database that --against names. Where the \
            schemas differ nothing is recorded, and the differences are shown (exit 7).

            With --from, reads the other tool's bookkeeping table and leaves it as it is. A migration that the tool left half-done, \
            a version without a file, and a file that was edited since are errors; nothing is recorded then.

            EXAMPLE
              migrate baseline --at 12
              migrate baseline --from dbmate --migrations db/migrations
              migrate baseline --from flyway --from-table app.flyway_schema_history
            """
    )

    @Option(help: ArgumentHelp("The version whose schema the database has.", valueName: "version"))
    var at: MigrationVersion?

    @Option(help: ArgumentHelp("An empty database to run the migrations in, with --at.", valueName: "url"))
    var against: String?

    @Option(help: ArgumentHelp("The tool that has applied them.", valueName: "tool"))
    var from: MigrationLayout?

    @Option(
        name: .customLong("from-table"),
        help: ArgumentHelp("The tool's bookkeeping table, if it is not the usual one.", valueName: "table")
    )
    var fromTable: String?

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func validate() throws {
        guard (at == nil) != (from == nil) else {
            throw ValidationError("say either --at VERSION, or --from TOOL")
        }
        if fromTable != nil, from == nil { throw ValidationError("--from-table goes with --from") }
        if against != nil, at == nil { throw ValidationError("--against goes with --at") }
    }

    func run() async throws {
        let console = global.console
        let migrator = try await global.migrator(console)
        if let at { try await record(upTo: at, migrator, console) }
        if let from { try await adopt(from, migrator, console) }
    }

    private func record(upTo version: MigrationVersion, _ migrator: Migrator, _ console: Console) async throws {
        let serverVersion = try await migrator.schema().serverVersion
        let result = try await ScratchDatabase.with(
            url: against,
            like: migrator,
            serverVersion: serverVersion,
            console
        ) { scratch in
            try await migrator.baseline(at: version, against: scratch) { event in
                guard case .lockWaiting(let holder, let waited) = event else { return }
                console.message(RunText.waiting(holder, waited))
            }
        }
        if global.format == .json {
            console.result(try JSONOutput.object(BaselineReport(result)))
        } else {
            console.result(BaselineText.render(result, console.resultStyle))
        }
        if case .different(let drift) = result { throw ExitCode(drift.exitCode.rawValue) }
    }

    private func adopt(_ tool: MigrationLayout, _ migrator: Migrator, _ console: Console) async throws {
        let adopted = try await migrator.adopt(from: tool, table: fromTable)
        if global.format == .json {
            console.result(try JSONOutput.object(Answer(adopted: adopted.map(\.version.number))))
        } else {
            let lines = adopted.map { "recorded \($0.folder)" }
            let count = Quantity.many(adopted.count, "migration")
            let summary = adopted.isEmpty ? "nothing to record" : "adopted \(count) from \(tool.rawValue)"
            console.result((lines + [summary]).joined(separator: "\n"))
        }
    }

    private struct Answer: Encodable {
        let adopted: [Int64]
    }
}
