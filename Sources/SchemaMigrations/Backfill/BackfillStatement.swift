/// The UPDATE of a backfill step, ready to be run over one range of pages after the other.
package struct BackfillStatement: Sendable, Equatable {
    /// The table as the UPDATE names it; resolve it with the same search path.
    package let relation: QualifiedName
    /// What the statement calls the table in its conditions: alias or name, quoted.
    package let reference: String
    /// Whether the UPDATE reads other tables too: then what it still finds cannot be asked for.
    let readsOthers: Bool
    /// The text up to the table, the table, the text up to the condition, and the condition without a comment behind
    /// its end.
    private let before: String
    private let target: String
    private let middle: String
    private let condition: String

    /// The UPDATE over the pages from the lower bound up to, but not including, the upper.
    ///
    /// The numbers stand in the text as literals, so that the planner sees a TID range scan.
    ///
    /// It writes to the partition, where one is given, in place of the table that the text names. Rows that others have
    /// locked are waited for, or passed over.
    package func batch(
        pages: Range<UInt32>,
        of partition: QualifiedName? = nil,
        skippingLocked: Bool = false
    ) -> String {
        let table = target(of: partition)
        let range =
            "\(reference).ctid >= '(\(pages.lowerBound),0)'::tid AND \(reference).ctid < '(\(pages.upperBound),0)'::tid"
        // The line break ends a comment that the condition may end in.
        let head = "\(before)\(table)\(middle)(\(condition)\n) AND ("
        guard skippingLocked else { return "\(head)\(range))" }
        let wanted = readsOthers ? range : "(\(condition)\n) AND \(range)"
        return """
            \(head)\(reference).ctid = ANY (ARRAY(
            SELECT \(reference).ctid FROM \(table) WHERE \(wanted) FOR NO KEY UPDATE SKIP LOCKED)))
            """
    }

    /// Counts the rows that the condition still finds; `nil` when the UPDATE reads other tables too.
    package var remainingCount: String? { remaining("count(*)") }

    /// Selects from the rows that the condition still finds; `nil` when the UPDATE reads other tables too.
    package func remaining(_ list: String) -> String? {
        readsOthers ? nil : "SELECT \(list) FROM \(target)\nWHERE (\(condition)\n)"
    }

    private func target(of partition: QualifiedName?) -> String {
        partition.map { "\($0.sql) AS \(reference)" } ?? target
    }

    /// The place in the step's file that a place in a batch's text came from; both counted from 1 in characters.
    ///
    /// A place in what was added gives the end of the condition; one in a partition's name, the table's.
    package func filePosition(ofServerPosition position: Int, of partition: QualifiedName? = nil) -> Int {
        let start = before.unicodeScalars.count
        let width = target(of: partition).unicodeScalars.count
        let added = width - target.unicodeScalars.count
        guard position > start else { return position }
        guard partition == nil || position > start + width else { return start + 1 }
        let head = start + width + middle.unicodeScalars.count
        guard position > head else { return position - added }
        return min(position - 1, head + condition.unicodeScalars.count) - added
    }
}

extension BackfillStatement {
    /// Takes the one statement of a backfill step apart.
    ///
    /// - Throws: ``MigrationError`` with `invalidBackfill`.
    init(
        _ statement: SQLScript.Statement,
        tree: ParseNode,
        script: SQLScript,
        file: SQLFile,
        directive: BackfillDirective
    ) throws(MigrationError) {
        let rules = BackfillRules(statement: statement, script: script, file: file)
        let update = try rules.update(in: tree, directive: directive)
        let parts = try rules.parts()
        relation = update.relation
        reference = QualifiedName.quote(update.reference)
        before = rules.text(0..<parts.target.lowerBound)
        target = rules.text(parts.target)
        middle = rules.text(parts.target.upperBound..<parts.condition.lowerBound)
        condition = rules.text(parts.condition)
        readsOthers = update.readsOthers
    }
}

/// What makes an UPDATE one that can be run in batches, any number of times.
private struct BackfillRules {
    let statement: SQLScript.Statement
    let script: SQLScript
    let file: SQLFile

    struct Update {
        let relation: QualifiedName
        let reference: String
        let readsOthers: Bool
    }

    struct Parts {
        let target: Range<Int>
        let condition: Range<Int>
    }

    func text(_ range: Range<Int>) -> String {
        String(decoding: script.bytes[range], as: UTF8.self)
    }

    func update(in tree: ParseNode, directive: BackfillDirective) throws(MigrationError) -> Update {
        guard let body = tree.body(of: "UpdateStmt"), let name = StatementEffects.name(of: body["relation"]) else {
            throw invalid("a backfill is an UPDATE", hint: "other statements go into steps of other kinds")
        }
        guard name.name == directive.table.name, directive.table.schema == nil || name.schema == directive.table.schema
        else {
            throw invalid("the directive names the table \(directive.table), the UPDATE writes \(name)")
        }
        guard body["whereClause"].exists, body["whereClause"].body(of: "CurrentOfExpr") == nil else {
            throw invalid(
                "a backfill needs a WHERE that finds the rows still to be done",
                hint: "without one it could neither be resumed nor checked"
            )
        }
        guard !body["returningList"].exists else {
            throw invalid("a backfill returns nothing: remove RETURNING")
        }
        let withs = body["withClause"]["ctes"].elements.compactMap { $0.body(of: "CommonTableExpr")?["ctequery"].typed }
        guard withs.allSatisfy({ $0.type == "SelectStmt" }) else {
            throw invalid("a WITH that writes would write again in every batch")
        }
        return Update(
            relation: name,
            reference: body["relation"]["alias"]["aliasname"].string ?? name.name,
            readsOthers: body["fromClause"].exists || !withs.isEmpty
        )
    }

    /// Finds the target between UPDATE and SET and the condition behind WHERE, outside all parentheses.
    func parts() throws(MigrationError) -> Parts {
        var depth = 0
        var places: [String: Int] = [:]
        for (index, token) in zip(statement.tokens.indices, statement.tokens) {
            switch token.kind {
            case .punctuation(0x28): depth += 1
            case .punctuation(0x29): depth -= 1
            case .keyword where depth == 0:
                let word = script.word(token)
                let isNext = word == Self.order.first { places[$0] == nil }
                if isNext { places[word] = index }
            default: break
            }
        }
        let tokens = statement.tokens
        guard let update = places["update"], let set = places["set"], let condition = places["where"],
            update + 1 < set, condition + 1 < tokens.endIndex
        else { throw invalid("the parts of the UPDATE could not be told apart") }
        return Parts(
            target: tokens[update + 1].range.lowerBound..<tokens[set - 1].range.upperBound,
            condition: tokens[condition + 1].range.lowerBound..<statement.range.upperBound
        )
    }

    private static let order = ["update", "set", "where"]

    private func invalid(_ message: String, hint: String? = nil) -> MigrationError {
        file.error(.invalidBackfill, message, atByte: statement.range.lowerBound, hint: hint)
    }
}
