import ArgumentParser
import Postgres
import SchemaMigrations

/// `migrate wait`.
struct WaitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Wait until the server accepts connections.",
        discussion: """
            A refused login ends the wait at once, with exit code 5, as does the end of the time.

            EXAMPLE
              migrate wait --timeout 120 && migrate up
            """
    )

    @Option(help: ArgumentHelp("How many seconds to wait (default: 60).", valueName: "seconds"))
    var timeout: Seconds?

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func run() async throws {
        let console = global.console
        let clock = ContinuousClock.now
        try await Self.wait(
            for: try await global.database(console),
            timeout: timeout?.duration ?? .seconds(60),
            console
        )
        let waited = ContinuousClock.now - clock
        if global.format == .json {
            console.result(try JSONOutput.line(Answer(accepting: true, waitedMS: waited.wholeMilliseconds)))
        } else {
            console.result("the server accepts connections (\(Quantity.duration(waited)))")
        }
    }

    private struct Answer: Encodable {
        let accepting: Bool
        let waitedMS: Int64
    }

    /// Waits, saying so every five seconds.
    static func wait(for database: PostgresConfiguration, timeout: Duration, _ console: Console) async throws {
        var lastSaid: Duration?
        try await ServerWait.wait(for: database, timeout: timeout) { error, waited in
            if let lastSaid, waited - lastSaid < .seconds(5) { return }
            lastSaid = waited
            console.message("waiting for the server (\(Quantity.duration(waited))): \(error)")
        }
    }
}
