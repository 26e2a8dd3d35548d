import ArgumentParser
import SchemaMigrations

/// `migrate pause`.
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Ask a running up, and later ones, to stop at the next safe point.",
        discussion: """
            The run stops between two steps or two batches and answers 10; what it has committed stays.

            EXAMPLE
              migrate pause
              migrate resume && migrate up
            """
    )

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func run() async throws {
        let console = global.console
        try await global.migratorWithoutFiles(console).pause()
        if global.format == .json { console.result(try JSONOutput.line(RequestAnswer(paused: true, batchTarget: nil))) }
        console.message("paused: runs stop at their next safe point, until \"migrate resume\"")
    }
}

/// What `pause` and `resume` have asked for, in the shape of their JSON.
private struct RequestAnswer: Encodable {
    let paused: Bool
    /// Nil leaves it as it is.
    @OrNull var batchTargetMS: Int64?

    init(paused: Bool, batchTarget: Duration?) {
        self.paused = paused
        _batchTargetMS = OrNull(wrappedValue: batchTarget?.wholeMilliseconds)
    }
}

/// `migrate resume`.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Allow runs again, and tune a backfill that is under way.",
        discussion: """
            It starts no run: migrate up goes on where the paused one stopped.

            EXAMPLE
              migrate resume
              migrate resume --batch-target 5
            """
    )

    @Option(
        name: .customLong("batch-target"),
        help: ArgumentHelp("How long a batch of a backfill should take from now on.", valueName: "ms")
    )
    var batchTarget: Milliseconds?

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func run() async throws {
        let console = global.console
        try await global.migratorWithoutFiles(console).resume(batchTarget: batchTarget?.duration)
        if global.format == .json {
            console.result(try JSONOutput.line(RequestAnswer(paused: false, batchTarget: batchTarget?.duration)))
        }
        console.message("runs are allowed; \"migrate up\" goes on where the last one stopped")
    }
}
