import Foundation

/// Prints figures as they come, and keeps them.
struct Report {
    let printsJSON: Bool
    private var figures: [Figure] = []
    private let meter = Meter()
    private var times: [(name: String, seconds: Double)] = []

    init(printsJSON: Bool) {
        self.printsJSON = printsJSON
        if !printsJSON { print(Self.line("name", "ratio", "to reach", "ours", "theirs", "unit", "against", "")) }
    }

    /// What does not reach its bar.
    var missed: [Figure] { figures.filter { $0.isMet == false } }

    mutating func add(_ new: [Figure], of benchmark: Benchmark, seconds: Double) {
        figures += new
        times.append((benchmark.name, seconds))
        for figure in new { print(printsJSON ? Self.json(figure) : Self.row(figure)) }
        fflush(nil)
    }

    /// What each benchmark took, its tables included, after a table only: `--json` has figures.
    func tellTimes() {
        guard !printsJSON else { return }
        let each = times.map { "\($0.name) \(Int($0.seconds.rounded()))" }.joined(separator: ", ")
        print("\nseconds: \(Int((meter.elapsed / 1e9).rounded())) in all; \(each)")
    }

    func tellMissed() {
        let names = missed.map(\.name).joined(separator: ", ")
        FileHandle.standardError.write(Data("bench: not reached: \(names)\n".utf8))
    }

    /// Writes `bench/results.json`, and draws what it says.
    func save() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        try encoder.encode(figures).write(to: Self.results)
        try Self.draw()
    }

    /// Draws `bench/ratios.svg` and `bench/growth.svg` from `bench/results.json`.
    static func draw() throws {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        let figures = try decoder.decode([Figure].self, from: Data(contentsOf: results))
        let folder = results.deletingLastPathComponent()
        try Data(RatioPlot(figures).svg.utf8).write(to: folder.appending(path: "ratios.svg"))
        try Data(figures.compactMap(\.plot).svg.utf8).write(to: folder.appending(path: "growth.svg"))
    }

    private static let results = Repository.root.appending(path: "bench/results.json")

    /// One line: the fields that other programs read.
    private static func json(_ figure: Figure) -> String {
        struct Line: Encodable {
            let name: String
            let ratio: Double
            let against: String
            let ours: Double
            let theirs: Double
            let unit: String
        }
        let line = Line(
            name: figure.name,
            ratio: figure.ratio,
            against: figure.against,
            ours: figure.ours,
            theirs: figure.theirs,
            unit: figure.unit
        )
        return (try? JSONEncoder().encode(line)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private static func row(_ figure: Figure) -> String {
        let verdict = figure.isMet.map { $0 ? "reached" : "NOT REACHED" } ?? ""
        let bar = figure.bar?.text ?? "–"
        return line(
            figure.name,
            text(figure.ratio),
            bar,
            text(figure.ours),
            text(figure.theirs),
            figure.unit,
            figure.against,
            verdict
        )
    }

    private static func text(_ number: Double) -> String {
        String(format: number >= 1000 ? "%.0f" : "%.3g", number)
    }

    private static func line(_ cells: String...) -> String {
        zip(cells, [34, 8, 14, 12, 12, 10, 26, 0]).map { cell, width in
            cell + String(repeating: " ", count: max(0, width - cell.count))
        }.joined(separator: " ")
    }
}
