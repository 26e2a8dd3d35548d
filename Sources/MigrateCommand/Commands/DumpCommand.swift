import ArgumentParser
import Foundation
import SchemaMigrations

/// `migrate dump`.
struct DumpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Write the schema as SQL, the same in every run.",
        discussion: """
            Uses pg_dump, and leaves out the engine's bookkeeping, owners, privileges and whatever differs between two \
            runs. With --check nothing is written: a file that says something else answers 7.

            EXAMPLE
              migrate dump > schema.sql
              migrate dump --check schema.sql
            """
    )

    @Option(help: ArgumentHelp("Compare with this file instead of writing.", valueName: "file"))
    var check: String?

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func run() async throws {
        let console = global.console
        let wanted = try check.map(Self.read)
        let database = try await global.database(console)
        let migrator = Migrator(
            source: try MigrationSource(files: [:]),
            database: database,
            options: global.migratorOptions
        )
        let dump = try await SchemaDump.make(
            of: database,
            bookkeepingSchema: global.schema,
            serverVersion: try await migrator.schema().serverVersion
        )
        guard let check, let wanted else {
            if global.format == .json {
                console.result(try JSONOutput.object(["sql": dump]))
            } else {
                StandardStream.output.write(dump)
            }
            return
        }
        try compare(dump, with: wanted, of: check, console)
    }

    private static func read(_ path: String) throws -> String {
        do {
            return try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8).replacing("\r\n", with: "\n")
        } catch {
            throw MigrationError(
                .unreadableFile,
                "cannot read the file: \(error.localizedDescription)",
                at: SourceLocation(file: path),
                exitCode: .usage
            )
        }
    }

    private func compare(_ dump: String, with wanted: String, of file: String, _ console: Console) throws {
        let isSame = dump == wanted
        if global.format == .json {
            console.result(try JSONOutput.object(Answer(matches: isSame, file: file)))
        } else if isSame {
            console.result("the schema is the one in \(file)")
        } else {
            console.result(Self.difference(of: dump, from: wanted, console.resultStyle))
        }
        guard isSame else {
            throw MigrationError(
                .dumpDiffers,
                "the schema is not the one in \(file)",
                hint: "if the database is right: migrate dump > \(file)",
                exitCode: .disagreement
            )
        }
    }

    /// The lines that only one of the two has, `-` those of the file.
    private static func difference(of dump: String, from wanted: String, _ style: TextStyle) -> String {
        let left = wanted.split(separator: "\n", omittingEmptySubsequences: false)
        let right = dump.split(separator: "\n", omittingEmptySubsequences: false)
        let lines = right.difference(from: left).map { change in
            switch change {
            case .remove(let offset, let line, _): (offset, style.paint("- \(offset + 1): \(line)", .red))
            case .insert(let offset, let line, _): (offset, style.paint("+ \(offset + 1): \(line)", .green))
            }
        }
        return lines.sorted { $0.0 < $1.0 }.map(\.1).joined(separator: "\n")
    }

    private struct Answer: Encodable {
        let matches: Bool
        let file: String
    }
}
