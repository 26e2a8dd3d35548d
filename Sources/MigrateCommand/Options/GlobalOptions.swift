import ArgumentParser
import CommandSupport
import EphemeralPostgres
import Foundation
import Logging
import Postgres
import SchemaMigrations

/// The options that every subcommand takes, with `--format` for text and JSON.
typealias GlobalOptions = GlobalOptionsWriting<OutputFormat>

/// The options that every subcommand takes; `Format` says how its results can be written, and nothing else is taken.
struct GlobalOptionsWriting<Format: ResultFormat>: ParsableArguments {
    @Option(
        name: .customLong("database-url"),
        help: ArgumentHelp(
            "The database, as a URL or libpq's key=value pairs.",
            discussion: "Otherwise MIGRATE_DATABASE_URL, DATABASE_URL, or libpq's PG* variables.",
            valueName: "url"
        )
    )
    var databaseURL: String?

    @Option(help: ArgumentHelp("The folder of the migrations.", valueName: "dir"))
    var migrations = "migrations"

    @Option(
        help: ArgumentHelp("How the files are laid out (default: recognised by their names).", valueName: "layout")
    )
    var layout: MigrationLayout?

    @Option(help: ArgumentHelp("The schema in which the history lives.", valueName: "name"))
    var schema = "public"

    @Flag(help: "Use a private PostgreSQL in .local-postgres/, created and started when needed.")
    var local = false

    @Option(help: "How results are written.")
    var format = Format.text

    @Flag(help: "Say more on stderr.")
    var verbose = false

    @Flag(help: "Only results and errors.")
    var quiet = false

    @Flag(name: .customLong("no-color"), help: "No colours; the variable NO_COLOR does the same.")
    var noColor = false

    @Option(
        name: .customLong("log-level"),
        help: ArgumentHelp("The least severe log messages to show on stderr.", valueName: "level"),
        transform: Self.logLevel
    )
    var logLevel: Logger.Level?

    func validate() throws {
        if verbose, quiet { throw ValidationError("--verbose and --quiet contradict each other") }
        if local, databaseURL != nil { throw ValidationError("--local and --database-url contradict each other") }
        if schema.isEmpty { throw ValidationError("--schema needs a name") }
    }

    /// How many arguments a global option takes up, its own name included; nil for any other argument.
    static func length(of argument: String) -> Int? {
        if ["--local", "--verbose", "--quiet", "--no-color"].contains(argument) { return 1 }
        let valued = ["--database-url", "--migrations", "--layout", "--schema", "--format", "--log-level"]
        if valued.contains(argument) { return 2 }
        return valued.contains { argument.hasPrefix("\($0)=") } ? 1 : nil
    }

    private static func logLevel(_ text: String) throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: text) else {
            let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("'\(text)' is no log level; there are \(names)")
        }
        return level
    }
}

extension GlobalOptionsWriting {
    /// Where this command writes.
    var console: Console {
        Console(
            isQuiet: quiet,
            isVerbose: verbose,
            allowsColor: !noColor && format == .text,
            environment: ProcessInfo.processInfo.environment
        )
    }

    /// The migrations, with their warnings said.
    func loadSource(_ console: Console, _ signatures: SignatureCheck? = nil) throws -> MigrationSource {
        let observing = signatures.map { check in { @Sendable in check.note($0, $1) } }
        let source = try MigrationSource.load(from: migrations, layout: layout, observing: observing)
        for warning in source.warnings { console.message("warning: \(warning)") }
        return source
    }

    /// The engine's defaults, with what every command may say.
    var migratorOptions: MigratorOptions {
        var options = MigratorOptions()
        options.schema = schema
        return options
    }

    /// The migrations and the database; `options` are those of ``migratorOptions`` unless the command has more to say.
    func migrator(
        _ console: Console,
        _ options: MigratorOptions? = nil,
        _ signatures: SignatureCheck? = nil
    ) async throws -> Migrator {
        // The files first: what is wrong with them is said without starting a server.
        let source = try loadSource(console, signatures)
        var options = options ?? migratorOptions
        options.approval = signatures.map { check in { @Sendable in try await check.require($0) } }
        return Migrator(source: source, database: try await database(console), options: options)
    }

    /// The database, its private server started where that is asked for.
    func database(_ console: Console) async throws -> PostgresConfiguration {
        let configuration: PostgresConfiguration
        if let named = try namedDatabase() {
            configuration = named
        } else {
            let (url, outcome) = try await LocalServer().start()
            if let text = LocalServerText.startMessage(outcome) { console.message(text) }
            configuration = ours(try PostgresConfiguration(url))
        }
        if verbose { console.message("database: \(configuration.summary)") }
        return configuration
    }

    /// Begins to read what was applied, while the files are read; `nil` where there is nothing to connect to yet.
    func earlyHistory() -> EarlyHistory? {
        // What is wrong with the database's name is said behind what is wrong with the files.
        guard let database = try? namedDatabase() else { return nil }
        return EarlyHistory(database, schema: schema)
    }

    /// The database that options or environment name; `nil` for the private server.
    private func namedDatabase() throws -> PostgresConfiguration? {
        let environment = ProcessInfo.processInfo.environment
        return switch try DatabaseChoice.choose(url: databaseURL, isLocal: local, environment: environment) {
        case .connectionString(let text): ours(try PostgresConfiguration(text))
        case .libpqEnvironment: ours(try PostgresConfiguration())
        case .local: nil
        }
    }

    /// The configuration as this program's sessions have it.
    private func ours(_ configuration: PostgresConfiguration) -> PostgresConfiguration {
        var configuration = configuration
        configuration.applicationName = "migrate"
        configuration.logger = logger
        return configuration
    }

    private var logger: Logger {
        var logger = Logger(label: "migrate") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = logLevel ?? (verbose ? .info : .error)
        return logger
    }
}

extension GlobalOptions {
    /// For commands that need the bookkeeping alone.
    func migratorWithoutFiles(_ console: Console) async throws -> Migrator {
        var options = MigratorOptions()
        options.schema = schema
        return Migrator(
            source: try MigrationSource(files: [:]),
            database: try await database(console),
            options: options
        )
    }
}

/// The values of a command's `--format`; text for people is always one.
protocol ResultFormat: ExpressibleByArgument, CaseIterable, Equatable, Sendable {
    static var text: Self { get }
}

/// How results are written by every command that says nothing else.
enum OutputFormat: String, ResultFormat {
    case text
    case json
}
