/// What the directives at the top of one file say.
struct Directives {
    /// The kind that was asked for, if any was.
    private(set) var kind: StepKind?
    /// The phase that was asked for, if any was.
    private(set) var phase: MigrationPhase?
    /// Everything else.
    private(set) var options = StepOptions()
    /// Where each directive stands, by name; `allow` may come again and again and is not here.
    private(set) var offsets: [String: Int] = [:]

    /// The names that exist, for suggestions.
    static let names = [
        "allow", "backfill", "lock-timeout", "no-transaction", "phase", "requires-release", "statement-timeout",
    ]

    /// Reads the directives of a file.
    ///
    /// In a foreign file, one that was written for another tool, an unknown directive is a comment like any other.
    ///
    /// - Throws: ``MigrationError`` for a directive that is unknown, wrong, repeated or below the first SQL.
    init(of file: SQLFile, header: SQLHeader, isForeign: Bool = false) throws(MigrationError) {
        for comment in header.comments {
            guard let body = DirectiveLine.body(ofComment: comment.text) else {
                if !isForeign { try Self.rejectMissingColon(comment, in: file) }
                continue
            }
            let line = DirectiveLine(body: body, offset: comment.offset)
            if isForeign, !Self.isKnown(line) { continue }
            try read(line, in: file)
        }
        try rejectContradictions(in: file)
    }

    private static func isKnown(_ line: DirectiveLine) -> Bool {
        line.words.first.map { names.contains(String($0.prefix { $0 != "=" })) } ?? false
    }

    private mutating func read(_ line: DirectiveLine, in file: SQLFile) throws(MigrationError) {
        guard !line.words.isEmpty else {
            throw file.error(.invalidDirective, "the directive is empty", atByte: line.offset)
        }
        if line.words[0] == "allow" { return readAllowance(line, in: file) }
        var words = line.words[...]
        while let word = words.popFirst() {
            let name = String(word.prefix { $0 != "=" })
            try claim(name, line, in: file)
            switch name {
            case "no-transaction" where word == name:
                kind = .noTransaction
            case "backfill" where word == name:
                let table = words.popFirst()
                let key = words.first?.hasPrefix("by=") == true ? words.popFirst() : nil
                kind = .backfill(try Self.backfill(table, by: key, line, in: file))
            case "phase":
                phase = try Self.phase(line.value(of: word), line, in: file)
            case "requires-release":
                options.requiredRelease = try Self.release(line.value(of: word), line, in: file)
            case "lock-timeout":
                options.lockTimeout = try Self.timeout(word, line, in: file)
            case "statement-timeout":
                options.statementTimeout = try Self.timeout(word, line, in: file)
            default:
                throw Self.unknown(word, line, in: file)
            }
        }
    }

    private mutating func claim(_ name: String, _ line: DirectiveLine, in file: SQLFile) throws(MigrationError) {
        guard offsets.updateValue(line.offset, forKey: name) == nil else {
            throw file.error(.invalidDirective, "the directive \"\(name)\" is given twice", atByte: line.offset)
        }
    }

    /// Takes any silence: what it lacks is a finding of the linter, and no reason not to migrate.
    private mutating func readAllowance(_ line: DirectiveLine, in file: SQLFile) {
        let number = file.location(ofByte: line.offset).line ?? 1
        let reason = line.words.dropFirst(2).joined(separator: " ")
        options.allowances.append(LintAllowance(rule: line.words.dropFirst().first ?? "", reason: reason, line: number))
    }

    private func rejectContradictions(in file: SQLFile) throws(MigrationError) {
        if let one = offsets["no-transaction"], let other = offsets["backfill"] {
            throw file.error(
                .invalidDirective,
                "a step is either \"no-transaction\" or \"backfill\", not both",
                atByte: max(one, other)
            )
        }
        if options.lockTimeout == .zero, kind != .noTransaction, let offset = offsets["lock-timeout"] {
            throw file.error(
                .invalidDirective,
                "lock-timeout=0 waits for a lock without end, and everybody else waits behind it",
                atByte: offset,
                hint: "only a no-transaction step may do so, because CREATE INDEX CONCURRENTLY queues nobody"
            )
        }
    }

    private static func backfill(
        _ word: String?,
        by key: String?,
        _ line: DirectiveLine,
        in file: SQLFile
    ) throws(MigrationError) -> BackfillDirective {
        let prefix = "table="
        guard let word, word.hasPrefix(prefix), let table = QualifiedName(sql: String(word.dropFirst(prefix.count)))
        else {
            throw file.error(
                .invalidDirective,
                "\"backfill\" needs the table it walks",
                atByte: line.offset,
                hint: "write: -- migrate: backfill table=NAME"
            )
        }
        let list = key?.dropFirst("by=".count)
        let columns = list.map { $0.split(separator: ",", omittingEmptySubsequences: false) } ?? []
        let names = columns.map { QualifiedName(sql: String($0)) }.compactMap { $0?.schema == nil ? $0?.name : nil }
        guard names.count == columns.count, Set(names).count == names.count else {
            throw file.error(
                .invalidDirective,
                "\"by\" needs the columns that the table is walked by, each once",
                atByte: line.offset,
                hint: "write: -- migrate: backfill table=NAME by=COLUMN,COLUMN"
            )
        }
        return BackfillDirective(table: table, by: names)
    }

    private static func phase(
        _ value: String?,
        _ line: DirectiveLine,
        in file: SQLFile
    ) throws(MigrationError) -> MigrationPhase {
        guard let phase = value.flatMap(MigrationPhase.init(rawValue:)) else {
            let message = "a phase is \"expand\" or \"contract\", not \"\(value ?? "")\""
            throw file.error(.invalidDirective, message, atByte: line.offset)
        }
        return phase
    }

    private static func release(
        _ value: String?,
        _ line: DirectiveLine,
        in file: SQLFile
    ) throws(MigrationError) -> Int32 {
        guard let release = value.flatMap({ Int32($0) }), release > 0 else {
            throw file.error(
                .invalidDirective,
                "a release is a whole number from 1, not \"\(value ?? "")\"",
                atByte: line.offset,
                hint: "write the oldest release that can live with the migration: -- migrate: requires-release=12"
            )
        }
        return release
    }

    private static func timeout(
        _ word: String,
        _ line: DirectiveLine,
        in file: SQLFile
    ) throws(MigrationError) -> Duration {
        guard let duration = line.value(of: word).flatMap(DirectiveLine.duration) else {
            throw file.error(
                .invalidDirective,
                "\"\(word)\" is not a time",
                atByte: line.offset,
                hint: "write a whole number with its unit, as 500ms, 30s or 5min; 0 means without end"
            )
        }
        return duration
    }

    private static func unknown(_ word: String, _ line: DirectiveLine, in file: SQLFile) -> MigrationError {
        let name = word.prefix { $0 != "=" }.lowercased()
        let nearest = Spelling.nearest(to: name, in: names)
        return file.error(
            .unknownDirective,
            "unknown directive \"\(word)\"",
            atByte: line.offset,
            hint: nearest.map { "did you mean \"\($0)\"?" } ?? "there are: \(names.joined(separator: ", "))"
        )
    }

    /// A directive without its colon would be a silent comment; prose that merely begins with "migrate" is one.
    private static func rejectMissingColon(_ comment: SQLHeader.Comment, in file: SQLFile) throws(MigrationError) {
        let words = Substring(comment.text).split(whereSeparator: \.isWhitespace)
        guard words.count >= 2, words[0].lowercased() == "migrate" else { return }
        let second = words[1]
        let looksMeant =
            second == "no-transaction"
            || ["phase=", "lock-timeout=", "requires-release=", "statement-timeout="].contains(where: second.hasPrefix)
            || (second == "backfill" && words.count > 2 && words[2].hasPrefix("table="))
        guard looksMeant else { return }
        throw file.error(
            .invalidDirective,
            "a directive needs a colon after \"migrate\"",
            atByte: comment.offset,
            hint: "write: -- migrate: \(words.dropFirst().joined(separator: " "))"
        )
    }
}

/// One directive line, split into words.
struct DirectiveLine {
    /// The words after `migrate:`; a part in double quotes belongs to its word, spaces included.
    let words: [String]
    /// The offset of the comment in the file.
    let offset: Int

    init(body: Substring, offset: Int) {
        var words: [String] = []
        var word = ""
        var isQuoted = false
        for character in body.unicodeScalars {
            if character.properties.isWhitespace && !isQuoted {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                if character == "\"" { isQuoted.toggle() }
                word.unicodeScalars.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        self.words = words
        self.offset = offset
    }

    /// What follows `migrate:` in a comment's text, or `nil` when the comment is no directive.
    static func body(ofComment text: Substring.UTF8View) -> Substring? {
        // Almost every comment fails here, before anything is copied.
        guard let first = text.first(where: { $0 != 0x20 && $0 != 0x09 }), first | 0x20 == 0x6D else { return nil }
        let comment = Substring(text).drop { $0 == " " || $0 == "\t" }
        let keyword = "migrate"
        guard comment.prefix(keyword.count).lowercased() == keyword else { return nil }
        let rest = comment.dropFirst(keyword.count).drop { $0 == " " || $0 == "\t" }
        return rest.first == ":" ? rest.dropFirst() : nil
    }

    /// What stands after the first `=` of a word.
    func value(of word: String) -> String? {
        word.firstIndex(of: "=").map { String(word[word.index(after: $0)...]) }
    }

    /// Reads `0`, `500ms`, `30s` or `5min`; `nil` for anything else and for more than PostgreSQL can count.
    static func duration(_ text: String) -> Duration? {
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
        guard let number = Int64(Substring(digits)) else { return nil }
        let factors: [Substring: Int64] = ["ms": 1, "s": 1000, "min": 60_000]
        let unit = text[digits.endIndex...]
        if unit.isEmpty { return number == 0 ? .zero : nil }
        guard let factor = factors[unit] else { return nil }
        let (milliseconds, overflow) = number.multipliedReportingOverflow(by: factor)
        guard !overflow, milliseconds <= Int64(Int32.max) else { return nil }
        return .milliseconds(milliseconds)
    }
}

/// Suggestions for misspelt words.
enum Spelling {
    /// The candidate that is at most two edits away, or three for long words; the first of the nearest.
    static func nearest(to word: String, in candidates: [String]) -> String? {
        let scored = candidates.map { (candidate: $0, distance: distance(Array(word.utf8), Array($0.utf8))) }
        let best = scored.min { $0.distance < $1.distance }
        return best.flatMap { $0.distance <= min(3, max(1, word.utf8.count / 3)) ? $0.candidate : nil }
    }

    /// How many insertions, deletions and replacements lie between two words.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (line, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for (column, other) in right.enumerated() {
                let replaced = diagonal + (byte == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
