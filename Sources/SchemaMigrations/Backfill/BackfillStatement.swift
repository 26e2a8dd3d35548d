import Postgres

/// The UPDATE of a backfill step, ready to be run over one range of pages, or of keys, after the other.
package struct BackfillStatement: Sendable, Equatable {
    /// The table as the UPDATE names it; resolve it with the same search path.
    package let relation: QualifiedName
    /// What the statement calls the table in its conditions: alias or name, quoted.
    package let reference: String
    /// The columns that the directive says to walk by; none leaves that to the table.
    let key: [String]
    /// Whether the UPDATE reads other tables too: then what it still finds cannot be asked for.
    let readsOthers: Bool
    /// The text up to the table, the table, the text up to the condition, and the condition without a comment behind
    /// its end.
    private let before: String
    private let target: String
    private let middle: String
    private let condition: String

    /// The UPDATE over one span of a table.
    ///
    /// It writes to the partition, where the table is one, in place of the table that the text names. Rows that others
    /// have locked are waited for, or passed over.
    func batch(
        _ span: BackfillSpan,
        of table: BackfillTable,
        share: RowShare,
        skippingLocked: Bool
    ) -> String {
        batch(
            span,
            by: table.key,
            of: table.partition,
            where: share.condition(of: reference),
            skippingLocked: skippingLocked
        )
    }

    /// The same, of a table that need not be known to the catalog.
    package func batch(
        _ span: BackfillSpan,
        by key: [BackfillKeyColumn] = [],
        of partition: QualifiedName? = nil,
        where further: String? = nil,
        skippingLocked: Bool = false
    ) -> String {
        let table = target(of: partition)
        let range = [range(span, key), further].compactMap { $0 }.joined(separator: " AND ")
        // The line break ends a comment that the condition may end in.
        let head = "\(before)\(table)\(middle)(\(condition)\n) AND ("
        guard skippingLocked else { return "\(head)\(range))" }
        let wanted = readsOthers ? range : "(\(condition)\n) AND \(range)"
        guard key.isEmpty else {
            let columns = list(key)
            return """
                \(head)(\(columns)) IN (
                SELECT \(columns) FROM \(table) WHERE \(wanted) FOR NO KEY UPDATE SKIP LOCKED))
                """
        }
        return """
            \(head)\(reference).ctid = ANY (ARRAY(
            SELECT \(reference).ctid FROM \(table) WHERE \(wanted) FOR NO KEY UPDATE SKIP LOCKED)))
            """
    }

    /// Selects the key at which a batch of so many rows ends, as texts; no row where the span ends before.
    ///
    /// As JSON has them, values read back the same under any `DateStyle`.
    func lastKey(in span: BackfillSpan, of table: BackfillTable, limit: Int64) -> String {
        let values = table.key.map { "to_jsonb(\(column($0))) #>> '{}'" }.joined(separator: ", ")
        return """
            SELECT ARRAY[\(values)] FROM \(target(of: table.partition)) WHERE \(range(span, table.key))
            ORDER BY \(list(table.key)) OFFSET \(max(0, limit - 1)) LIMIT 1
            """
    }

    /// Asks whether some row has no key to be walked by.
    func rowsWithoutKey(of table: BackfillTable) -> String {
        let condition = table.key.map { "\(column($0)) IS NULL" }.joined(separator: " OR ")
        return "SELECT EXISTS (SELECT FROM \(target(of: table.partition)) WHERE \(condition))"
    }

    /// The condition that holds for the rows of a span.
    ///
    /// Bounds stand in the text as literals, so that the planner sees a TID range scan, or a range of an index.
    private func range(_ span: BackfillSpan, _ key: [BackfillKeyColumn]) -> String {
        switch span {
        case .pages(let from, let to):
            let (first, end) = (UInt32(clamping: from), UInt32(clamping: to))
            return "\(reference).ctid >= '(\(first),0)'::tid AND \(reference).ctid < '(\(end),0)'::tid"
        case .keys(let after, let through):
            let bounds = [after.map { bound(">", $0, key) }, through.map { bound("<=", $0, key) }].compactMap { $0 }
            return bounds.isEmpty ? "true" : bounds.joined(separator: " AND ")
        }
    }

    private func bound(_ comparison: String, _ values: [String], _ key: [BackfillKeyColumn]) -> String {
        let literals = zip(values, key).map { "\(PostgresQuery.quote(literal: $0))::\($1.type)" }
        return "(\(list(key))) \(comparison) (\(literals.joined(separator: ", ")))"
    }

    private func list(_ key: [BackfillKeyColumn]) -> String { key.map(column).joined(separator: ", ") }

    private func column(_ key: BackfillKeyColumn) -> String { "\(reference).\(QualifiedName.quote(key.name))" }

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
        key = directive.key
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
