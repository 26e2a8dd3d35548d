import ArgumentParser
import EphemeralPostgres
import Foundation

/// Measures this project against others on a server of its own.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scripts/bench",
        abstract: "Measures this project against others on a private PostgreSQL, both sides in turns.",
        discussion: Benchmark.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n")
    )

    @Argument(help: "Which benchmarks; none means all, whose results go to bench/.")
    var names: [String] = []
    @Flag(help: "Print a line of JSON for each figure instead of a table.")
    var json = false
    @Flag(help: "Run nothing; draw the plots in bench/ again from its results.json.")
    var draw = false
    @Option(help: "How often each side takes its turn; without it seven times, and flagship five or four times.")
    var rounds: Int?
    @Option(parsing: .upToNextOption, help: "The rows of the flagship's tables.")
    var rows = [2_000_000, 10_000_000]

    @Option(help: .hidden)
    var stream: String?

    func validate() throws {
        for name in names where !Benchmark.all.contains(where: { $0.name == name }) {
            throw ValidationError("no benchmark \(name): \(Benchmark.all.map(\.name).joined(separator: ", "))")
        }
        guard !draw || names.isEmpty else { throw ValidationError("--draw runs no benchmark: leave out the names") }
        guard rounds ?? 1 > 0, rows.allSatisfy({ $0 > 0 }) else {
            throw ValidationError("--rounds and --rows take a positive number")
        }
    }

    func run() async throws {
        if let stream { return try await Benchmark.stream(stream) }
        if draw { return try Report.draw() }
        let chosen = Benchmark.all.filter { names.isEmpty || names.contains($0.name) }
        var report = Report(printsJSON: json)
        for isDurable in [false, true] {
            let group = chosen.filter { $0.isDurable == isDurable }
            guard !group.isEmpty else { continue }
            try await Stage.withStage(rounds: rounds, rows: rows, isDurable: isDurable) { stage in
                for benchmark in group {
                    let meter = Meter()
                    let figures = try await benchmark.run(stage)
                    // What one leaves behind does not slow the next.
                    try await stage.tidy()
                    report.add(figures, of: benchmark, seconds: meter.elapsed / 1e9)
                }
            }
        }
        report.tellTimes()
        if names.isEmpty { try report.save() }
        if !report.missed.isEmpty { report.tellMissed() }
    }
}
