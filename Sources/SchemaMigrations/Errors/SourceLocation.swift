/// A place in a migration's file.
public struct SourceLocation: Sendable, Hashable, CustomStringConvertible {
    /// The file's path as the source was given, for messages.
    public let file: String
    /// The line, counted from 1.
    public let line: Int?
    /// The column, counted from 1 in Unicode scalars, as PostgreSQL counts.
    public let column: Int?

    /// Creates a place; without a line it is the file as a whole.
    public init(file: String, line: Int? = nil, column: Int? = nil) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// `file`, `file:line` or `file:line:column`.
    public var description: String {
        guard let line else { return file }
        guard let column else { return "\(file):\(line)" }
        return "\(file):\(line):\(column)"
    }
}

/// One line of a file with a caret under one of its characters.
///
/// Its ``description`` is ready to print in a monospaced font: tabs before the caret are repeated in the caret's
/// line, and of a long line only the surroundings are shown, with `…` where something was left out.
public struct SourceExcerpt: Sendable, Hashable, CustomStringConvertible {
    /// The line, counted from 1.
    public let line: Int
    /// The column, counted from 1 in Unicode scalars.
    public let column: Int
    /// The line's text, shortened when it is long.
    public let text: String
    /// White space and one `^`, to be printed under ``text``.
    public let caret: String

    /// How many characters of a line are shown at most.
    static let width = 100

    /// Shows the place of a byte of a text.
    ///
    /// An offset beyond the end shows the end; one inside a character shows that character.
    public init(of source: String, byteOffset: Int) {
        let utf8 = source.utf8
        let limit = min(max(byteOffset, 0), utf8.count)
        var index = utf8.index(utf8.startIndex, offsetBy: limit)
        while index > utf8.startIndex, index.samePosition(in: source.unicodeScalars) == nil {
            index = utf8.index(before: index)
        }
        self.init(of: source.unicodeScalars, at: index)
    }

    /// Shows the place of a character of a text, as the server reports it: counted from 1 in Unicode scalars.
    ///
    /// A position beyond the end shows the end.
    public init(of source: String, serverPosition: Int) {
        let scalars = source.unicodeScalars
        let index = scalars.index(scalars.startIndex, offsetBy: max(serverPosition - 1, 0), limitedBy: scalars.endIndex)
        self.init(of: scalars, at: index ?? scalars.endIndex)
    }

    private init(of scalars: String.UnicodeScalarView, at index: String.Index) {
        let before = scalars[..<index]
        let start = before.lastIndex(of: "\n").map(scalars.index(after:)) ?? scalars.startIndex
        let rest = scalars[index...]
        let end = rest.firstIndex(of: "\n") ?? scalars.endIndex
        line = before.count { $0 == "\n" } + 1
        column = scalars.distance(from: start, to: index) + 1
        let shown = Self.shorten(Array(scalars[start..<end]), around: column - 1)
        text = Self.string(shown.line)
        caret = Self.string(shown.line.prefix(shown.caret).map { $0 == "\t" ? "\t" : " " }) + "^"
    }

    /// The line and the caret below it, each indented by two spaces.
    public var description: String { "  \(text)\n  \(caret)" }

    private static func shorten(_ line: [Unicode.Scalar], around caret: Int) -> (line: [Unicode.Scalar], caret: Int) {
        guard line.count > width else { return (line, caret) }
        let first = max(0, min(caret - width / 2, line.count - width))
        let last = first + width
        var shown = Array(line[first..<last])
        var caret = caret - first
        if first > 0 {
            shown.insert("\u{2026}", at: 0)
            caret += 1
        }
        if last < line.count { shown.append("\u{2026}") }
        return (shown, caret)
    }

    /// Control characters other than tabs are shown as a middle dot, so that a file cannot steer a terminal.
    private static func string(_ scalars: [Unicode.Scalar]) -> String {
        var view = String.UnicodeScalarView()
        for scalar in scalars {
            let isControl = scalar.properties.generalCategory == .control && scalar != "\t"
            view.append(isControl ? "\u{B7}" : scalar)
        }
        return String(view)
    }
}
