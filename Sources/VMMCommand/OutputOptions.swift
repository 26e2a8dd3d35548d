import ArgumentParser
import Foundation
import Rainbow

/// How results are shown.
struct OutputOptions: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text
        case json
        case csv
    }

    @Option(help: "text for people, json for programs, csv for spreadsheets (lists and counts only).")
    var format = Format.text

    @Flag(name: .customLong("no-color"), help: "No colors, not even on a terminal; NO_COLOR does the same.")
    var noColor = false

    /// Writes a line of the result to stdout.
    func write(_ line: String) throws {
        try FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
    }

    /// Writes a value as one line of JSON to stdout.
    func write(json value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try FileHandle.standardOutput.write(contentsOf: try encoder.encode(value) + Data("\n".utf8))
    }

    /// Writes a row of CSV (RFC 4180) to stdout.
    func write(csv cells: [String]) throws {
        let quoted = cells.map { cell in
            let needsQuotes = cell.contains { $0 == "," || $0 == "\"" || $0.isNewline }
            return needsQuotes ? "\"\(cell.replacing("\"", with: "\"\""))\"" : cell
        }
        try FileHandle.standardOutput.write(contentsOf: Data((quoted.joined(separator: ",") + "\r\n").utf8))
    }

    /// Refuses CSV for what is no table.
    func requireNoTable() throws {
        if format == .csv { throw ValidationError("this is no table: --format is text or json here") }
    }

    /// Writes a message to stderr; there is nobody to tell when that fails.
    func writeError(_ message: String) {
        let label = usesColor(on: STDERR_FILENO) ? "error:".applyingCodes(Color.red, Style.bold) : "error:"
        try? FileHandle.standardError.write(contentsOf: Data("\(label) \(message)\n".utf8))
    }

    /// The text in a color, where stdout is a terminal that shows colors.
    func colored(_ text: String, _ color: NamedColor) -> String {
        usesColor(on: STDOUT_FILENO) ? text.applyingCodes(color) : text
    }

    private func usesColor(on descriptor: Int32) -> Bool {
        let variable = ProcessInfo.processInfo.environment["NO_COLOR"] ?? ""
        return !noColor && variable.isEmpty && isatty(descriptor) == 1
    }
}
