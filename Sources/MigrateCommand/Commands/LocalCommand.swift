import ArgumentParser
import EphemeralPostgres
import SchemaMigrations

/// `migrate local`.
struct LocalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "local",
        abstract: "Control the private PostgreSQL of this directory, in .local-postgres/.",
        discussion: """
            EXAMPLE
              migrate local start
              psql "$(migrate local url)"
            """,
        subcommands: [Start.self, Stop.self, URL.self, Reset.self]
    )

    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "start",
            abstract: "Start the private server, created where there is none, and print its URL.",
            discussion: "EXAMPLE\n  migrate local start"
        )

        @OptionGroup(title: "Global options")
        var global: GlobalOptions

        func run() async throws {
            let console = global.console
            let (url, outcome) = try await LocalServer().start()
            console.message(LocalServerText.startMessage(outcome) ?? "the private server was running")
            try LocalServerText.answer(url: url, outcome: LocalServerText.word(outcome), global.format, console)
        }
    }

    struct Stop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "stop",
            abstract: "Stop the private server; its data stays.",
            discussion: "EXAMPLE\n  migrate local stop"
        )

        @OptionGroup(title: "Global options")
        var global: GlobalOptions

        func run() async throws {
            let wasRunning = try await LocalServer().stop()
            if global.format == .json {
                global.console.result(try JSONOutput.line(["outcome": wasRunning ? "stopped" : "not_running"]))
            }
            global.console.message(wasRunning ? "stopped the private server" : "the private server was not running")
        }
    }

    struct URL: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "url",
            abstract: "Print the URL of the private server's database, whether it runs or not.",
            discussion: "EXAMPLE\n  psql \"$(migrate local url)\""
        )

        @OptionGroup(title: "Global options")
        var global: GlobalOptions

        func run() async throws {
            guard let url = try LocalServer().url() else {
                throw MigrationError(
                    .localServer,
                    "there is no private server in this directory",
                    hint: "create it: migrate local start"
                )
            }
            try LocalServerText.answer(url: url, outcome: nil, global.format, global.console)
        }
    }

    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reset",
            abstract: "Remove the private server with all its data.",
            discussion: "EXAMPLE\n  migrate local reset && migrate --local up"
        )

        @OptionGroup(title: "Global options")
        var global: GlobalOptions

        func run() async throws {
            try await LocalServer().reset()
            if global.format == .json { global.console.result(try JSONOutput.line(["outcome": "removed"])) }
            global.console.message("removed the private server and its data")
        }
    }
}

/// What is said about the private server.
enum LocalServerText {
    /// What starting it had to do; nil when it was running.
    static func startMessage(_ outcome: LocalServer.StartOutcome) -> String? {
        switch outcome {
        case .alreadyRunning: nil
        case .started: "started the private server in .local-postgres/"
        case .created: "created a private server in .local-postgres/"
        case .recreated: "the private server's data had vanished; created a new, empty one"
        }
    }

    static func word(_ outcome: LocalServer.StartOutcome) -> String {
        switch outcome {
        case .alreadyRunning: "already_running"
        case .started: "started"
        case .created: "created"
        case .recreated: "recreated"
        }
    }

    static func answer(url: String, outcome: String?, _ format: OutputFormat, _ console: Console) throws {
        console.result(format == .json ? try JSONOutput.line(Answer(url: url, outcome: outcome)) : url)
    }

    private struct Answer: Encodable {
        let url: String
        let outcome: String?
    }
}
