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
        try write(Self.line(json: value))
    }

    /// A value as one line of JSON.
    static func line(json value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// Writes a row of CSV to stdout.
    func write(csv cells: [String]) throws {
        try write(Self.line(csv: cells))
    }

    /// A row of CSV (RFC 4180), which ends with a carriage return.
    static func line(csv cells: [String]) -> String {
        let quoted = cells.map { cell in
            let needsQuotes = cell.contains { $0 == "," || $0 == "\"" || $0.isNewline }
            return needsQuotes ? "\"\(cell.replacing("\"", with: "\"\""))\"" : cell
        }
        return quoted.joined(separator: ",") + "\r"
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
