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
              migrate lint --trace          also run them on a private server: the locks that they really take
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

    @Flag(
        help: """
            Run what is pending on a private server that is gone afterwards, and tell the locks that each statement took \
            on tables from before its migration, and which of these were rewritten.
            """
    )
    var trace = false

    @OptionGroup(title: "Global options")
    var global: GlobalOptionsWriting<LintFormat>

    func validate() throws {
        if let version, !(9...99).contains(version) {
            throw ValidationError("--pg-version is a major release such as 15")
        }
        if trace, !paths.isEmpty {
            throw ValidationError("paths are looked at on their own; name the folder with --migrations to trace it")
        }
        if trace, global.format == .github || global.format == .sarif {
            throw ValidationError("--trace is told as text or JSON")
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
        let subject = usesDatabase ? try await pending(console) : nil
        let report = try subject?.report ?? reportOnFiles()
        let traces = trace ? try await traced(subject, console) : nil
        switch global.format {
        case .text:
            let parts = [LintText.render(report, console.resultStyle)]
            let more = traces.map { [LintTraceText.render($0, console.resultStyle)] } ?? []
            console.result((parts + more).joined(separator: "\n\n"))
        case .json: console.result(try JSONOutput.object(LintJSON(report, traces)))
        case .github: if !report.findings.isEmpty { console.result(LintGitHub.render(report)) }
        case .sarif: console.result(try LintSARIF.render(report))
        }
        if !report.findings.isEmpty { throw ExitCode(MigrationExitCode.lintFindings.rawValue) }
    }

    /// What is pending in a database.
    private struct Pending {
        let migrator: Migrator
        let history: MigrationHistory
        let serverVersion: Int
        let report: LintReport
    }

    private func reportOnFiles() throws -> LintReport {
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

    private func pending(_ console: Console) async throws -> Pending {
        let source = try global.loadSource(console)
        let configuration = try await global.database(console)
        let migrator = Migrator(source: source, database: configuration, options: global.migratorOptions)
        let history = try await migrator.history()
        let plan = try MigrationPlan.make(source: source, history: history, phase: .all)
        let database = try await LintDatabase.read(from: configuration)
        let pending = Set(plan.pending.map(\.migration.version))
        let linter = Linter(version: version, database: database)
        return Pending(
            migrator: migrator,
            history: history,
            serverVersion: database.version,
            report: linter.lint(source, pending: pending)
        )
    }

    private func traced(_ pending: Pending?, _ console: Console) async throws -> [StepTrace] {
        let source = try pending?.migrator.source ?? global.loadSource(console)
        let tracer = PlanTracer(
            source: source,
            history: pending?.history ?? MigrationHistory(),
            options: global.migratorOptions
        )
        return try await ScratchDatabase.with(
            like: pending?.migrator,
            serverVersion: version ?? pending?.serverVersion,
            console,
            tracer.run(on:)
        )
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
