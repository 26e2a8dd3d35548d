/// A text as PostgreSQL's scanner sees it, split into statements.
struct SQLScript {
    typealias Token = PostgresParser.Token

    /// One statement of a script.
    struct Statement {
        /// Its tokens, comments left out; never empty, without the semicolon.
        let tokens: ArraySlice<Token>
        /// From its first token to its last.
        let range: Range<Int>
    }

    let bytes: [UInt8]
    /// The tokens without the comments.
    let tokens: [Token]
    let statements: [Statement]

    /// Reads a text.
    ///
    /// - Throws: `PostgresParser.Failure` if the scanner cannot read it to its end.
    init(_ text: String) throws(PostgresParser.Failure) {
        bytes = Array(text.utf8)
        tokens = try PostgresParser.scan(bytes).filter { $0.kind != .comment }
        statements = StatementSplitter.split(tokens, of: bytes)
    }

    /// A token's text in lowercase.
    func word(_ token: Token) -> String {
        String(decoding: bytes[token.range], as: UTF8.self).lowercased()
    }

    /// Whether a token is this keyword, given in lowercase.
    func isKeyword(_ token: Token, _ keyword: String) -> Bool {
        token.kind == .keyword && token.range.count == keyword.utf8.count && word(token) == keyword
    }

    /// Parses one statement, unless it is too long or too deep to look into.
    ///
    /// - Throws: `PostgresParser.Failure`, its position counted within the statement.
    func parse(_ statement: Statement) throws(PostgresParser.Failure) -> ParseNode? {
        guard statement.range.count <= Self.longestParsed, nesting(of: statement) <= Self.deepestParsed else {
            throw PostgresParser.Failure(message: "the statement is too large to be looked into", position: 0)
        }
        return try PostgresParser.parse(bytes[statement.range])
    }

    /// Seed data of many megabytes would become a tree of gigabytes, of which nothing is needed.
    static let longestParsed = 1 << 20
    /// How deep a tree may be at most.
    ///
    /// The library walks its tree recursively and without a guard: a chain of some ten thousand operators overflows
    /// the stack. This is a third of what half a megabyte of stack was seen to bear.
    static let deepestParsed = 2000

    /// An upper bound for the depth of the statement's tree.
    ///
    /// Each level needs a parenthesis that stays open, an
    /// operator or a keyword. Signs and the plain values of long VALUES lists add none.
    private func nesting(of statement: Statement) -> Int {
        var level = 0
        var deepest = 0
        var operators = 0
        var previous: UInt8 = 0x2C
        for token in statement.tokens {
            let first = bytes[token.range.lowerBound]
            switch token.kind {
            case .punctuation(0x28), .punctuation(0x5B):
                level += 1
                deepest = max(deepest, level)
            case .punctuation(0x29), .punctuation(0x5D):
                level -= 1
            case .punctuation(0x2C), .punctuation(0x2E), .comment:
                break
            case .punctuation:
                operators += previous == 0x2C || previous == 0x28 ? 0 : 1
            case .keyword:
                operators += ["null", "true", "false", "default"].contains(word(token)) ? 0 : 1
            case .other:
                operators += Self.isOperator(first) ? 1 : 0
            }
            previous = first
        }
        return operators + deepest
    }

    private static func isOperator(_ byte: UInt8) -> Bool {
        "~!@#^&|`?+-*/%<>=:".utf8.contains(byte)
    }
}

/// Finds the ends of statements by psql's rule: a semicolon ends a statement unless parentheses are open or the body
/// of an SQL-standard function is (`BEGIN ATOMIC … END`).
enum StatementSplitter {
    typealias Token = PostgresParser.Token

    /// Splits tokens, from which comments have been removed, into statements.
    static func split(_ tokens: [Token], of bytes: [UInt8]) -> [SQLScript.Statement] {
        var statements: [SQLScript.Statement] = []
        var state = State(bytes: bytes)
        var start = 0
        for index in tokens.indices {
            guard state.ends(with: tokens[index], next: index + 1 < tokens.count ? tokens[index + 1] : nil) else {
                continue
            }
            append(tokens[start..<index], to: &statements)
            start = index + 1
            state = State(bytes: bytes)
        }
        append(tokens[start...], to: &statements)
        return statements
    }

    private static func append(_ tokens: ArraySlice<Token>, to statements: inout [SQLScript.Statement]) {
        guard let first = tokens.first, let last = tokens.last else { return }
        let range = first.range.lowerBound..<last.range.upperBound
        statements.append(SQLScript.Statement(tokens: tokens, range: range))
    }

    private struct State {
        let bytes: [UInt8]
        private var parentheses = 0
        private var bodies = 0
        private var opening: [String] = []
        private var previous = ""

        init(bytes: [UInt8]) {
            self.bytes = bytes
        }

        /// Takes a token in; tells whether it is a semicolon that ends the statement.
        mutating func ends(with token: Token, next: Token?) -> Bool {
            switch token.kind {
            case .punctuation(0x3B): return parentheses == 0 && bodies == 0
            case .punctuation(0x28): parentheses += 1
            case .punctuation(0x29): parentheses = max(0, parentheses - 1)
            case .keyword: takeKeyword(word(token), next: next.map(word) ?? "")
            default: break
            }
            // Only words matter below, and a dot: what follows one is a name even if it looks like a keyword.
            previous = token.range.count <= 10 ? word(token) : ""
            return false
        }

        private mutating func takeKeyword(_ word: String, next: String) {
            if opening.count < 4 { opening.append(word) }
            guard parentheses == 0, createsRoutine, previous != ".", previous != "as" else { return }
            switch word {
            case "begin" where next == "atomic" && bodies == 0: bodies = 1
            case "case" where bodies > 0: bodies += 1
            case "end" where bodies > 0: bodies -= 1
            default: break
            }
        }

        private var createsRoutine: Bool {
            guard opening.first == "create" else { return false }
            let words = opening.starts(with: ["create", "or", "replace"]) ? opening.dropFirst(3) : opening.dropFirst()
            return words.first == "function" || words.first == "procedure"
        }

        private func word(_ token: Token) -> String {
            String(decoding: bytes[token.range], as: UTF8.self).lowercased()
        }
    }
}
