import Foundation

/// Prints figures as they come, and keeps them.
struct Report {
    let printsJSON: Bool
    private var figures: [Figure] = []

    init(printsJSON: Bool) {
        self.printsJSON = printsJSON
        if !printsJSON { print(Self.line("name", "ratio", "to reach", "ours", "theirs", "unit", "against", "")) }
    }

    /// What does not reach its bar.
    var missed: [Figure] { figures.filter { $0.isMet == false } }

    mutating func add(_ new: [Figure]) {
        figures += new
        for figure in new { print(printsJSON ? Self.json(figure) : Self.row(figure)) }
        fflush(nil)
    }

    func tellMissed() {
        let names = missed.map(\.name).joined(separator: ", ")
        FileHandle.standardError.write(Data("bench: not reached: \(names)\n".utf8))
    }

    /// Writes `bench/results.json`.
    func save() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        try encoder.encode(figures).write(to: Repository.root.appending(path: "bench/results.json"))
    }

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
