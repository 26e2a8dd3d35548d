extension StatementEffects {
    /// What a DO block does, by the SQL that stands in it.
    ///
    /// Branches that would not be taken count as well. What is put together at run time, and what functions do that are
    /// called, cannot be told: then the whole is not known.
    init(ofBlock text: some Collection<UInt8>) {
        // A block in another language gives an empty list.
        guard let block = PostgresParser.parseBlock(text)?.elements.first?.body(of: "PLpgSQL_function")?["action"],
            block.exists
        else {
            self = .unknown("DO")
            return
        }
        var reader = BlockReader()
        reader.read(block)
        let writes = reader.effects.filter { $0.kind != "SELECT" }.map(\.kind)
        self.init(
            kind: writes.isEmpty ? "DO" : "DO: \(writes.joined(separator: ", "))",
            locks: reader.effects.flatMap(\.locks).filter { writes.isEmpty || $0.mode > .accessShare },
            isKnown: reader.isReadable && reader.effects.allSatisfy(\.isKnown)
        )
    }
}

/// Collects the statements of a PL/pgSQL body.
private struct BlockReader {
    private(set) var effects: [StatementEffects] = []
    private(set) var isReadable = true

    /// Statements whose effect is not in their text.
    private static let opaque: Set<String> = [
        "PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors", "PLpgSQL_stmt_perform", "PLpgSQL_stmt_call",
        "PLpgSQL_stmt_open",
    ]

    mutating func read(_ node: ParseNode) {
        if let (type, body) = node.typed {
            if Self.opaque.contains(type) { isReadable = false }
            if type == "PLpgSQL_stmt_execsql" { readSQL(body["sqlstmt"].body(of: "PLpgSQL_expr")?["query"].string) }
        }
        for child in node.children { read(child) }
    }

    private mutating func readSQL(_ query: String?) {
        guard let query, let statement = try? PostgresParser.parse(query.utf8) else {
            isReadable = false
            return
        }
        effects.append(StatementEffects(of: statement))
    }
}
