/// What PostgreSQL's parser says about one step, made before the step runs.
public struct StepInspection: Sendable, Equatable {
    /// The statements, in order.
    public let statements: [StatementSummary]
    /// What could not be looked into, each with its place; the server decides about it.
    public let notes: [Note]
    /// The batch form of a backfill step; `nil` for other steps.
    package let backfill: BackfillStatement?

    /// Something that the grammar at hand does not know.
    public struct Note: Sendable, Hashable, CustomStringConvertible {
        /// Where it is.
        public let location: SourceLocation
        /// What it is.
        public let message: String

        /// Place and message in one line.
        public var description: String { "\(location): \(message)" }
    }
}

extension MigrationStep {
    /// Checks that the step can run the way its directives say, and tells what it does.
    ///
    /// The text is parsed once: further calls have the same answer. SQL that the grammar does not know is no error in a transaction step or a no-transaction step: the server may
    /// be newer. It is named in ``StepInspection/notes``.
    ///
    /// - Throws: ``MigrationError`` for transaction control, a statement that refuses to run in a transaction where
    ///   there is one, commands for psql, `COPY` from or to the client, several statements where one must be, and an
    ///   UPDATE that cannot be run in batches. Each has its line, column and caret.
    public func inspect() throws(MigrationError) -> StepInspection {
        if let obstacle { throw obstacle.error(in: file) }
        return try reading.inspection { () throws(MigrationError) in
            var inspector = StepInspector(step: self)
            return try inspector.inspect()
        }
    }
}

/// One pass over a step.
private struct StepInspector {
    let step: MigrationStep
    private var notes: [StepInspection.Note] = []
    private var summaries: [StatementSummary] = []

    init(step: MigrationStep) {
        self.step = step
    }

    private var file: SQLFile { step.file }

    mutating func inspect() throws(MigrationError) -> StepInspection {
        guard let script = try readScript() else {
            return StepInspection(statements: [], notes: notes, backfill: nil)
        }
        try rejectPsqlCommands(script.tokens, script.bytes)
        if step.kind.label != .transaction { try requireOneStatement(script) }
        var trees: [ParseNode?] = []
        for statement in script.statements {
            let tree = parse(statement, of: script)
            if let tree { try check(tree, at: statement) }
            summaries.append(summary(of: tree, statement, script))
            trees.append(tree)
        }
        var backfill: BackfillStatement?
        if case .backfill(let directive) = step.kind, let statement = script.statements.first {
            guard let tree = trees[0] else { throw unreadableBackfill(statement) }
            backfill = try BackfillStatement(statement, tree: tree, script: script, file: file, directive: directive)
        }
        return StepInspection(statements: summaries, notes: notes, backfill: backfill)
    }

    /// The script, or `nil` with a note when the scanner cannot get to its end.
    private mutating func readScript() throws(MigrationError) -> SQLScript? {
        do throws(PostgresParser.Failure) {
            return try SQLScript(file.text)
        } catch {
            let excerpt = SourceExcerpt(of: file.text, serverPosition: error.position)
            let scalars = file.text.unicodeScalars.prefix(max(error.position - 1, 0))
            let readable = Array(String(String.UnicodeScalarView(scalars)).utf8)
            if let tokens = try? PostgresParser.scan(readable) { try rejectPsqlCommands(tokens, readable) }
            let place = SourceLocation(file: file.path, line: excerpt.line, column: excerpt.column)
            guard step.kind == .transaction else {
                throw MigrationError(
                    step.kind == .noTransaction ? .notOneStatement : .invalidBackfill,
                    "the file cannot be read: \(error.message)",
                    at: place,
                    excerpt: excerpt
                )
            }
            notes.append(StepInspection.Note(location: place, message: error.message))
            return nil
        }
    }

    private func rejectPsqlCommands(_ tokens: [PostgresParser.Token], _ bytes: [UInt8]) throws(MigrationError) {
        guard let token = tokens.first(where: { $0.kind == .punctuation(0x5C) }) else { return }
        let rest = bytes[token.range.lowerBound...].prefix { $0 > 0x20 }
        throw file.error(
            .psqlCommand,
            "\(String(decoding: rest, as: UTF8.self)) is a command for psql, not SQL",
            atByte: token.range.lowerBound,
            hint: "remove the line; files are sent to the server as they are"
        )
    }

    private func requireOneStatement(_ script: SQLScript) throws(MigrationError) {
        guard script.statements.count > 1 else { return }
        throw file.error(
            step.kind == .noTransaction ? .notOneStatement : .invalidBackfill,
            "a \(step.kind.label.rawValue) step holds exactly one statement; this is the second of "
                + "\(script.statements.count)",
            atByte: script.statements[1].range.lowerBound,
            hint: "make it a step of its own"
        )
    }

    private mutating func parse(_ statement: SQLScript.Statement, of script: SQLScript) -> ParseNode? {
        do throws(PostgresParser.Failure) {
            return try script.parse(statement)
        } catch {
            let text = String(decoding: script.bytes[statement.range], as: UTF8.self).unicodeScalars
            let before = text.prefix(max(error.position - 1, 0))
            let inside = before.reduce(0) { $0 + UTF8.width($1) }
            let message = "not known to the grammar of PostgreSQL \(PostgresParser.majorVersion): \(error.message)"
            let place = file.location(ofByte: statement.range.lowerBound + inside)
            notes.append(StepInspection.Note(location: place, message: message))
            return nil
        }
    }

    private func summary(
        of tree: ParseNode?,
        _ statement: SQLScript.Statement,
        _ script: SQLScript
    ) -> StatementSummary {
        let text = script.bytes[statement.range]
        let effects =
            switch tree {
            case nil: StatementEffects.unknown(firstWords(of: statement, script))
            case let tree? where tree.body(of: "DoStmt") != nil: StatementEffects(ofBlock: text)
            case let tree?: StatementEffects(of: tree)
            }
        return StatementSummary(
            kind: effects.kind,
            location: file.location(ofByte: statement.range.lowerBound),
            sql: String(decoding: text, as: UTF8.self),
            locks: effects.locks,
            isLockKnown: effects.isKnown
        )
    }

    private func firstWords(of statement: SQLScript.Statement, _ script: SQLScript) -> String {
        let words = statement.tokens.prefix(2).prefix { $0.kind == .keyword }.map { script.word($0).uppercased() }
        return words.isEmpty ? "unknown statement" : words.joined(separator: " ")
    }

    private func check(_ tree: ParseNode, at statement: SQLScript.Statement) throws(MigrationError) {
        let offset = statement.range.lowerBound
        switch TransactionRules.obstacle(in: tree) {
        case .controlsTransactions(let words):
            throw file.error(
                .transactionControl,
                "\(words) in a step: the engine begins and ends the transaction",
                atByte: offset,
                hint: "remove it; what must commit on its own goes into a step of its own"
            )
        case .refusesTransaction(let words) where step.kind == .transaction:
            throw file.error(
                .needsNoTransaction,
                "\(words) cannot run in a transaction",
                atByte: offset,
                hint: "put it into a step of its own that begins with: -- migrate: no-transaction"
            )
        case .needsClientData(let words):
            throw file.error(
                .clientData,
                "\(words) moves data through the client, which sends none here",
                atByte: offset,
                hint: "write the rows as INSERT"
            )
        case .refusesTransaction, nil:
            return
        }
    }

    private func unreadableBackfill(_ statement: SQLScript.Statement) -> MigrationError {
        let reason = notes.last.map { ": \($0.message)" } ?? ""
        return file.error(
            .invalidBackfill,
            "a backfill must be an UPDATE that can be taken apart\(reason)",
            atByte: statement.range.lowerBound
        )
    }
}
