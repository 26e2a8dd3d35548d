/// A step as the linter reads it: its statements, those inside of DO blocks included.
struct LintStep {
    let step: MigrationStep
    private(set) var statements: [LintStatement] = []
    /// What the parser could not read.
    private(set) var unreadable: [LintFinding] = []

    /// The longest name that PostgreSQL keeps whole.
    private static let longestName = 63

    init(_ step: MigrationStep) {
        self.step = step
        do throws(PostgresParser.Failure) {
            let script = try SQLScript(step.file.text)
            for statement in script.statements { read(statement, of: script) }
        } catch {
            let before = step.file.text.unicodeScalars.prefix(max(error.position - 1, 0))
            refuse(error.message, atByte: before.reduce(0) { $0 + UTF8.width($1) })
        }
    }

    private mutating func read(_ statement: SQLScript.Statement, of script: SQLScript) {
        do throws(PostgresParser.Failure) {
            guard let tree = try script.parse(statement),
                var read = LintStatement(tree, offset: statement.range.lowerBound)
            else { return }
            read.longNames = statement.tokens.filter { isLongName($0, script.bytes) }.map {
                $0.range.lowerBound - statement.range.lowerBound
            }
            statements.append(read)
            if read.type == "DoStmt" { readBlock(script.bytes[statement.range]) }
        } catch {
            let text = String(decoding: script.bytes[statement.range], as: UTF8.self).unicodeScalars
            let inside = text.prefix(max(error.position - 1, 0)).reduce(0) { $0 + UTF8.width($1) }
            refuse(error.message, atByte: statement.range.lowerBound + inside)
        }
    }

    private func isLongName(_ token: PostgresParser.Token, _ bytes: [UInt8]) -> Bool {
        let first = bytes[token.range.lowerBound]
        let isQuoted = first == 0x22
        guard token.kind == .other, isQuoted || first == 0x5F || first >= 0x80 || (0x61...0x7A).contains(first | 0x20)
        else { return false }
        // A string with a prefix, such as E'…', begins with a letter too, and has its quote at once.
        let isString = bytes[token.range].prefix(3).contains(0x27)
        return !isString && token.range.count - (isQuoted ? 2 : 0) > Self.longestName
    }

    /// Adds the statements of a PL/pgSQL block; what is put together at run time cannot be seen.
    private mutating func readBlock(_ block: ArraySlice<UInt8>) {
        guard let tree = PostgresParser.parseBlock(block) else { return }
        // Each text is looked for behind the one before, so the whole block is walked once.
        var rest = block
        for query in TreeSearch.queries(in: tree) {
            let text = Array(query.utf8)
            guard let parsed = try? PostgresParser.parse(text) else { continue }
            let offset = rest.firstRange(of: text)?.lowerBound ?? rest.startIndex
            rest = rest[offset...]
            guard let statement = LintStatement(parsed, offset: offset) else { continue }
            statements.append(statement)
        }
    }

    private mutating func refuse(_ message: String, atByte offset: Int) {
        let why = "PostgreSQL \(PostgresParser.majorVersion)'s parser says: \(message)"
        unreadable.append(LintFinding(FileRules.unreadable, why, atByte: offset, of: step.file))
    }
}

extension TreeSearch {
    /// The SQL statements of a PL/pgSQL body, in their order.
    fileprivate static func queries(in block: ParseNode) -> [String] {
        var found: [String] = []
        collect(from: block, into: &found)
        return found
    }

    private static func collect(from node: ParseNode, into found: inout [String]) {
        if let query = node.body(of: "PLpgSQL_stmt_execsql")?["sqlstmt"].body(of: "PLpgSQL_expr")?["query"].string {
            found.append(query)
        }
        for child in node.children { collect(from: child, into: &found) }
    }
}
