import Foundation
import Testing

/// A document with a session in it: commands after `$ ` in fences called `console`, each with what it prints, and files
/// in fences that name them: ```` ```sql title=migrations/0004_x/up.sql ````.
///
/// Times, durations, sizes, process numbers and the like are compared as such, not by their values, and runs of blanks
/// count as one. A command that does not answer 0 is followed by a line such as `[exit code 3]`.
struct Transcript {
    enum Part: Equatable {
        case text(String)
        case file(path: String, content: String)
        case command(line: String, output: String)
    }

    private(set) var parts: [Part] = []

    init(_ document: String) {
        var fence: (opening: String, lines: [String])?
        for line in document.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if let open = fence {
                if line == "```" {
                    add(open.opening, open.lines)
                    parts.append(.text(line))
                    fence = nil
                } else {
                    fence?.lines.append(line)
                }
            } else {
                parts.append(.text(line))
                if line.hasPrefix("```") { fence = (line, []) }
            }
        }
    }

    private mutating func add(_ opening: String, _ lines: [String]) {
        if opening == "```console" {
            addCommands(lines)
        } else if let title = opening.range(of: "title=") {
            parts.append(
                .file(path: String(opening[title.upperBound...]), content: lines.joined(separator: "\n") + "\n")
            )
        } else {
            parts += lines.map { .text($0) }
        }
    }

    private mutating func addCommands(_ lines: [String]) {
        var command: String?
        var output: [String] = []
        func finished() -> [Part] {
            command.map { [.command(line: $0, output: output.joined(separator: "\n"))] } ?? []
        }
        for line in lines {
            if line.hasPrefix("$ ") {
                parts += finished()
                (command, output) = (String(line.dropFirst(2)), [])
            } else {
                output.append(line)
            }
        }
        parts += finished()
    }

    /// The document with what the commands have printed now.
    func document(_ outputs: [String]) -> String {
        var rest = outputs[...]
        let texts = parts.map { part in
            switch part {
            case .text(let line): line
            case .file(_, let content): String(content.dropLast())
            case .command(let line, let output):
                "$ \(line)\n\(rest.popFirst() ?? output)".trimmingCharacters(in: .newlines)
            }
        }
        return texts.joined(separator: "\n")
    }

    /// A text without what differs from run to run.
    static func comparable(_ text: String) -> String {
        let patterns: [(String, String)] = [
            (#"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?"#, "TIME"),
            (#"[a-z]+\[\d+\] on [^\s,"]+"#, "RUNNER"),
            (#"\d+ h \d+ min|\d+ min \d+ s|\d+(\.\d+)? (ms|s|min|h)\b"#, "DURATION"),
            (#"("[a-z_]+_ms" ?: ?)(\d+(\.\d+)?)"#, "$1NUMBER"),
            (#"("[a-z_]+_bytes" ?: ?)\d+"#, "$1NUMBER"),
            (#"\d+(\.\d+)? (bytes|kB|MB|GB|TB)"#, "SIZE"),
            (#"\b[0-9a-f]{64}\b"#, "HASH"),
            (#"postgres(ql)?://[^\s"]+"#, "URL"),
            (#"-pg\d+-"#, "-pgN-"),
            (#"PostgreSQL \d+\.\d+"#, "PostgreSQL N"),
            (#"t_\d+_\d+"#, "DATABASE"),
            (#"(server_version|built_on_version)" ?: ?\d+"#, "$1: N"),
            (#"is \d+ transactions old|\d+ of \d+ sessions"#, "COUNT"),
            (#" +"#, " "),
        ]
        var text = text
        for (pattern, replacement) in patterns {
            text = text.replacingOccurrences(of: pattern, with: replacement, options: .regularExpression)
        }
        return text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "\n")
    }
}
