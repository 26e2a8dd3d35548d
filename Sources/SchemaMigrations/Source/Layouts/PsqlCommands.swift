/// What a file says to psql instead of to the server.
///
/// pg_dump's `\restrict` and `\unrestrict` only guard psql itself, so they become white space. Any other command, and
/// data for `COPY … FROM STDIN`, is an obstacle.
struct PsqlCommands {
    private(set) var file: SQLFile
    private(set) var obstacle: StepObstacle?

    init(in file: SQLFile) {
        self.file = file
        var bytes = Array(file.text.utf8)
        if let copy = Self.copyFromClient(in: bytes) {
            obstacle = StepObstacle(
                code: .clientData,
                message: "COPY … FROM STDIN moves data through the client, which sends none here",
                offset: copy,
                hint: "write the rows as INSERT; pg_dump --inserts does"
            )
        }
        var isChanged = false
        for line in Self.commandLines(in: bytes) where obstacle.map({ line.lowerBound < $0.offset }) ?? true {
            // Inside a string, a comment or a function's body it is text.
            guard (try? PostgresParser.scan(bytes[..<line.lowerBound])) != nil else { continue }
            let command = String(decoding: bytes[line].prefix { $0 > 0x20 }, as: UTF8.self)
            guard command == "\\restrict" || command == "\\unrestrict" else {
                obstacle = StepObstacle(
                    code: .psqlCommand,
                    message: "\(command) is a command for psql, not SQL",
                    offset: line.lowerBound,
                    hint: "remove the line; files are sent to the server without psql"
                )
                break
            }
            bytes.replaceSubrange(line, with: Padding.instead(of: line, in: bytes))
            isChanged = true
        }
        guard isChanged else { return }
        self.file = SQLFile(path: file.path, text: String(decoding: bytes, as: UTF8.self), checksum: file.checksum)
    }

    /// The lines that begin with a backslash, from there to their ends.
    private static func commandLines(in bytes: [UInt8]) -> [Range<Int>] {
        bytes.indices.filter { index in
            guard bytes[index] == 0x5C else { return false }
            let before = bytes[..<index].reversed().first { $0 != 0x20 && $0 != 0x09 }
            return before == nil || before == 0x0A
        }.map { $0..<(bytes[$0...].firstIndex(of: 0x0A) ?? bytes.count) }
    }

    /// Where the first `COPY … FROM STDIN` begins.
    ///
    /// What follows it is data, which no scanner can be asked about: the text is read up to each semicolon behind the
    /// word, and one is right if that much of the text is whole.
    private static func copyFromClient(in bytes: [UInt8]) -> Int? {
        for word in occurrences(of: Array("stdin".utf8), in: bytes) {
            guard let end = bytes[word...].firstIndex(of: 0x3B), let tokens = try? PostgresParser.scan(bytes[...end])
            else { continue }
            let statements = StatementSplitter.split(tokens.filter { $0.kind != .comment }, of: bytes)
            guard let last = statements.last, last.range.contains(word),
                let tree = try? PostgresParser.parse(bytes[last.range]),
                case .needsClientData = TransactionRules.obstacle(in: tree)
            else { continue }
            return last.range.lowerBound
        }
        return nil
    }

    private static func occurrences(of word: [UInt8], in bytes: [UInt8]) -> [Int] {
        guard bytes.count >= word.count else { return [] }
        return (0...(bytes.count - word.count)).filter { start in
            bytes[start] | 0x20 == word[0] && zip(bytes[start...], word).allSatisfy { $0 | 0x20 == $1 }
        }
    }
}
