import ArgumentParser
import Foundation
import Postgres
import SchemaMigrations

/// `migrate lint`.
struct LintCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint",
        abstract: "Find statements that would stop a service, with PostgreSQL's own parser.",
        discussion: """
            Works on files alone, whatever the environment says. With --database-url or --local it looks at what is \
            pending there, and knows the release and which tables are empty. A folder is read as migrations in \
            their order, a file on its own. Answers 8 when something was found.

            A line "-- migrate: allow RULE reason" at the top of a file silences a rule there; docs/lint/ has a page for each.

            EXAMPLE
              migrate lint
              migrate lint --format sarif > lint.sarif
              migrate lint --pg-version 12 db/0042_add_index.up.sql
            """
    )

    @Argument(help: ArgumentHelp("Folders of migrations, or single files (default: --migrations).", valueName: "path"))
    var paths: [String] = []

    @Option(
        name: .customLong("pg-version"),
        help: ArgumentHelp(
            "The release of PostgreSQL to assume (default: the database's, else the parser's).",
            valueName: "major"
        )
    )
    var version: Int?

    @OptionGroup(title: "Global options")
    var global: GlobalOptionsWriting<LintFormat>

    func validate() throws {
        if let version, !(9...99).contains(version) {
            throw ValidationError("--pg-version is a major release such as 15")
        }
        if !paths.isEmpty, usesDatabase {
            throw ValidationError(
                "paths are looked at on their own; name the folder with --migrations to use a database"
            )
        }
    }

    private var usesDatabase: Bool { global.local || global.databaseURL != nil }

    func run() async throws {
        let console = global.console
        let report = try await report(console)
        switch global.format {
        case .text: console.result(LintText.render(report, console.resultStyle))
        case .json: console.result(try JSONOutput.object(LintJSON(report)))
        case .github: if !report.findings.isEmpty { console.result(LintGitHub.render(report)) }
        case .sarif: console.result(try LintSARIF.render(report))
        }
        if !report.findings.isEmpty { throw ExitCode(MigrationExitCode.lintFindings.rawValue) }
    }

    private func report(_ console: Console) async throws -> LintReport {
        if usesDatabase { return try await reportOnPending(console) }
        let linter = Linter(version: version)
        var parts: [LintReport] = []
        var files: [(path: String, bytes: [UInt8])] = []
        for path in paths.isEmpty ? [global.migrations] : paths {
            if isFile(path) {
                files.append((path, try read(path)))
            } else {
                parts.append(linter.lint(try MigrationSource.load(from: path, layout: global.layout)))
            }
        }
        if !files.isEmpty { parts.append(try linter.lint(files: files)) }
        return LintReport(combining: parts)
    }

    private func reportOnPending(_ console: Console) async throws -> LintReport {
        let source = try global.loadSource(console)
        let configuration = try await global.database(console)
        var options = MigratorOptions()
        options.schema = global.schema
        let migrator = Migrator(source: source, database: configuration, options: options)
        let plan = try await migrator.plan(to: .latest, phase: .all)
        let database = try await LintDatabase.read(from: configuration)
        let pending = Set(plan.pending.map(\.migration.version))
        return Linter(version: version, database: database).lint(source, pending: pending)
    }

    private func isFile(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
    }

    private func read(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw MigrationError(
                .unreadableFile,
                "the file cannot be read",
                at: SourceLocation(file: path),
                hint: "check that it may be read by this user"
            )
        }
        return Array(data)
    }
}

/// How findings are written.
enum LintFormat: String, ResultFormat {
    case text
    case json
    /// Commands that GitHub shows beside the lines.
    case github
    /// SARIF 2.1.0.
    case sarif
}
