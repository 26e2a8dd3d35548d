import ArgumentParser
import SchemaMigrations

/// `migrate baseline`.
struct BaselineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baseline",
        abstract: "Record migrations as applied that another tool has applied.",
        discussion: """
            Reads the other tool's bookkeeping table and leaves it as it is. A migration that the tool left half-done, \
            a version without a file, and a file that was edited since are errors; nothing is recorded then.

            EXAMPLE
              migrate baseline --from dbmate --migrations db/migrations
              migrate baseline --from flyway --from-table app.flyway_schema_history
            """
    )

    @Option(help: ArgumentHelp("The tool that has applied them.", valueName: "tool"))
    var from: MigrationLayout

    @Option(
        name: .customLong("from-table"),
        help: ArgumentHelp("The tool's bookkeeping table, if it is not the usual one.", valueName: "table")
    )
    var fromTable: String?

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func run() async throws {
        let console = global.console
        let source = try global.loadSource(console)
        var options = MigratorOptions()
        options.schema = global.schema
        let migrator = Migrator(source: source, database: try await global.database(console), options: options)
        let adopted = try await migrator.adopt(from: from, table: fromTable)
        if global.format == .json {
            console.result(try JSONOutput.object(Answer(adopted: adopted.map(\.version.number))))
        } else {
            let lines = adopted.map { "recorded \($0.folder)" }
            let count = "\(adopted.count) \(adopted.count == 1 ? "migration" : "migrations")"
            let summary = adopted.isEmpty ? "nothing to record" : "adopted \(count) from \(from.rawValue)"
            console.result((lines + [summary]).joined(separator: "\n"))
        }
    }

    private struct Answer: Encodable {
        let adopted: [Int64]
    }
}
