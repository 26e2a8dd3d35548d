import Testing

@testable import SchemaMigrations

@Suite struct BackfillStatementTests {
    private func backfill(_ sql: String, table: String = "vmm") throws -> BackfillStatement {
        try #require(try step("-- migrate: backfill table=\(table)\n\(sql)").inspect().backfill)
    }

    @Test func `the page range joins the condition in parentheses`() throws {
        let statement = try backfill("UPDATE vmm SET a = 1 WHERE a IS NULL OR b;\n")
        #expect(
            statement.batch(.pages(from: 500, to: 1000)) == """
                -- migrate: backfill table=vmm
                UPDATE vmm SET a = 1 WHERE (a IS NULL OR b
                ) AND ("vmm".ctid >= '(500,0)'::tid AND "vmm".ctid < '(1000,0)'::tid)
                """
        )
        #expect(statement.remainingCount == "SELECT count(*) FROM vmm\nWHERE (a IS NULL OR b\n)")
        #expect(statement.relation == QualifiedName(name: "vmm"))
    }

    @Test func `a share of the rows is told by the hash of their place`() throws {
        let statement = try backfill("UPDATE vmm SET a = 1 WHERE a IS NULL;\n")
        let share = RowShare(rowsPerPage: 4).next
        #expect(
            statement.batch(.pages(from: 0, to: 9), where: share.condition(of: statement.reference)).hasSuffix(
                #"AND "vmm".ctid < '(9,0)'::tid AND pg_catalog.hashtid("vmm".ctid) & 3 = 1)"#
            )
        )
    }

    @Test func `a partition is written to by the name that the text has for the table`() throws {
        let statement = try backfill("UPDATE vmm SET a = 1 WHERE vmm.a IS NULL;\n")
        let leaf = QualifiedName(schema: "s", name: "vmm 1")
        let batch = statement.batch(.pages(from: 0, to: 9), of: leaf, skippingLocked: true)
        #expect(
            batch == """
                -- migrate: backfill table=vmm
                UPDATE "s"."vmm 1" AS "vmm" SET a = 1 WHERE (vmm.a IS NULL
                ) AND ("vmm".ctid = ANY (ARRAY(
                SELECT "vmm".ctid FROM "s"."vmm 1" AS "vmm" WHERE (vmm.a IS NULL
                ) AND "vmm".ctid >= '(0,0)'::tid AND "vmm".ctid < '(9,0)'::tid FOR NO KEY UPDATE SKIP LOCKED)))
                """
        )
        let file = "-- migrate: backfill table=vmm\nUPDATE vmm SET a = 1 WHERE vmm.a IS NULL;\n"
        for word in ["vmm.a IS", "SET a", "1 WHERE"] {
            let inFile = try #require(file.firstRange(of: word)).lowerBound
            let inBatch = try #require(batch.firstRange(of: word)).lowerBound
            let position = batch.distance(from: batch.startIndex, to: inBatch) + 1
            #expect(
                statement.filePosition(ofServerPosition: position, of: leaf)
                    == file.distance(from: file.startIndex, to: inFile) + 1
            )
        }
    }

    @Test func `a walk by key compares whole keys, and passes over locked rows by them`() throws {
        let statement = try backfill("UPDATE vmm SET a = 1 WHERE a IS NULL;\n")
        let key = [BackfillKeyColumn(name: "a\"b", type: "text"), BackfillKeyColumn(name: "n", type: "integer")]
        #expect(
            statement.batch(.keys(after: ["it's", "1"], through: nil), by: key, skippingLocked: true) == #"""
                -- migrate: backfill table=vmm
                UPDATE vmm SET a = 1 WHERE (a IS NULL
                ) AND (("vmm"."a""b", "vmm"."n") IN (
                SELECT "vmm"."a""b", "vmm"."n" FROM vmm WHERE (a IS NULL
                ) AND ("vmm"."a""b", "vmm"."n") > ('it''s'::text, '1'::integer) FOR NO KEY UPDATE SKIP LOCKED))
                """#
        )
        let last = statement.batch(.keys(after: nil, through: ["z", "2"]), by: key)
        #expect(last.hasSuffix(#"AND (("vmm"."a""b", "vmm"."n") <= ('z'::text, '2'::integer))"#))
    }

    struct Form: CustomTestStringConvertible {
        let sql: String
        var table = "vmm"
        var reference = "\"vmm\""
        var count: String?
        var testDescription: String { sql }
    }

    @Test(arguments: [
        Form(sql: "UPDATE vmm SET a = 1 WHERE a IS NULL -- done", count: "vmm"),
        Form(sql: "UPDATE vmm SET a = 1 WHERE a IS NULL -- done\n;", count: "vmm"),
        Form(sql: "UPDATE vmm SET a = 1 WHERE -- why\n a IS NULL /* ; */ ;", count: "vmm"),
        Form(sql: "UPDATE vmm SET a = 1 WHERE a = ';' OR b = $$ WHERE $$", count: "vmm"),
        Form(sql: "UPDATE vmm AS v SET a = 1 WHERE v.a IS NULL", reference: "\"v\"", count: "vmm AS v"),
        Form(sql: "UPDATE vmm v SET a = 1 WHERE v.a IS NULL", reference: "\"v\"", count: "vmm v"),
        Form(sql: "UPDATE ONLY vmm SET a = 1 WHERE a IS NULL", count: "ONLY vmm"),
        Form(sql: "UPDATE public.VMM SET a = 1 WHERE a IS NULL", count: "public.VMM"),
        Form(sql: "UPDATE public.vmm SET a = 1 WHERE a IS NULL", table: "public.vmm", count: "public.vmm"),
        Form(
            sql: "UPDATE \"My \"\"T\" SET a = 1 WHERE a IS NULL",
            table: "\"My \"\"T\"",
            reference: "\"My \"\"T\"",
            count: "\"My \"\"T\""
        ),
        Form(sql: "UPDATE vmm SET a = (SELECT x FROM u WHERE u.id = vmm.id) WHERE a IS NULL", count: "vmm"),
        Form(
            sql: "UPDATE vmm SET a = 1 WHERE EXISTS (SELECT 1 FROM u WHERE u.id = vmm.id) AND a IS NULL",
            count: "vmm"
        ),
        Form(sql: "UPDATE vmm SET (a, b) = (1, 2), c = CASE WHEN d THEN 1 END WHERE a IS NULL", count: "vmm"),
        Form(sql: "UPDATE vmm SET a = u.a FROM u JOIN w ON w.id = u.id WHERE u.id = vmm.id"),
        Form(sql: "WITH u AS (SELECT * FROM w WHERE w.x) UPDATE vmm SET a = u.a FROM u WHERE u.id = vmm.id"),
        Form(sql: "UPDATE vmm /* SET */ SET \"where\" = 'WHERE' WHERE \"set\" IS NULL", count: "vmm"),
        Form(sql: "UPDATE vmm SET a = 'é🐞' WHERE a = 'é' OR a IS NULL", count: "vmm"),
    ])
    func `a batch is the same UPDATE with the condition and the range`(_ form: Form) throws {
        let statement = try backfill(form.sql, table: form.table)
        #expect(statement.reference == form.reference)
        let count = statement.remainingCount
        #expect(count.map { $0.split(separator: "\n")[0] } == form.count.map { "SELECT count(*) FROM \($0)" })
        let original = try #require(try PostgresParser.parse(Array(form.sql.utf8))?.body(of: "UpdateStmt"))
        let batch = try #require(
            try PostgresParser.parse(Array(statement.batch(.pages(from: 0, to: 9)).utf8))?.body(of: "UpdateStmt")
        )
        #expect(shape(batch["targetList"]) == shape(original["targetList"]))
        #expect(shape(batch["fromClause"]) == shape(original["fromClause"]))
        let condition = try #require(batch["whereClause"].body(of: "BoolExpr"))
        #expect(condition["boolop"].string == "AND_EXPR")
        let arguments = condition["args"].elements
        let range = try #require(arguments.last)
        #expect(columns(in: range) == [[Self.bare(form.reference), "ctid"], [Self.bare(form.reference), "ctid"]])
        let own = original["whereClause"].body(of: "BoolExpr").flatMap {
            $0["boolop"].string == "AND_EXPR" ? $0["args"].elements : nil
        }
        #expect(arguments.dropLast().map(shape) == (own ?? [original["whereClause"]]).map(shape))
        let skipping = statement.batch(.pages(from: 0, to: 9), skippingLocked: true)
        #expect(try PostgresParser.parse(Array(skipping.utf8))?.body(of: "UpdateStmt") != nil)
        if let count { #expect(try PostgresParser.parse(Array(count.utf8))?.typed?.type == "SelectStmt") }
    }

    @Test func `places in a batch lead back to the file`() throws {
        let statement = try backfill("UPDATE vmm SET a = 'ä' WHERE b > 0 AND c -- x")
        let file = Array("-- migrate: backfill table=vmm\nUPDATE vmm SET a = 'ä' WHERE b > 0 AND c".unicodeScalars)
        let batch = Array(statement.batch(.pages(from: 0, to: 1)).unicodeScalars)
        let inserted = try #require(batch.firstIndex(of: "("))
        for position in 1...file.count {
            let inBatch = position <= inserted ? position : position + 1
            #expect(batch[inBatch - 1] == file[position - 1])
            #expect(statement.filePosition(ofServerPosition: inBatch) == position)
        }
        #expect(statement.filePosition(ofServerPosition: batch.count) == file.count)
    }

    @Test(arguments: [
        ("DELETE FROM vmm WHERE a", "is an UPDATE"), ("UPDATE other SET a = 1 WHERE b", "names the table vmm"),
        ("UPDATE vmm SET a = 1", "needs a WHERE"), ("UPDATE vmm SET a = 1 WHERE CURRENT OF c", "needs a WHERE"),
        ("UPDATE vmm SET a = 1 WHERE b RETURNING a", "RETURNING"),
        ("UPDATE vmm SET a = 1 WHERE b; UPDATE vmm SET a = 2 WHERE b", "exactly one statement"),
        ("WITH d AS (DELETE FROM u RETURNING *) UPDATE vmm SET a = 1 WHERE b", "write again in every batch"),
        ("WITH d AS (UPDATE vmm SET a = 1 WHERE b RETURNING 1) SELECT * FROM d", "is an UPDATE"),
        ("UPDATE vmm FROBNICATE", "syntax error"), ("UPDATE vmm SET a = 'open", "cannot be read"),
    ])
    func `an UPDATE that cannot run in batches is refused`(_ sql: String, _ says: String) throws {
        #expect { try backfill(sql) } throws: { error in
            guard let error = error as? MigrationError else { return false }
            return error.code == .invalidBackfill && error.message.contains(says) && error.location?.line == 2
        }
    }

    @Test func `a directive with a schema needs the schema in the UPDATE`() throws {
        #expect(throws: MigrationError.self) { try backfill("UPDATE vmm SET a = 1 WHERE b", table: "public.vmm") }
        #expect(throws: MigrationError.self) { try backfill("UPDATE s.vmm SET a = 1 WHERE b", table: "public.vmm") }
        #expect(try backfill("UPDATE s.vmm SET a = 1 WHERE b").relation == QualifiedName(schema: "s", name: "vmm"))
    }

    private static func bare(_ quoted: String) -> String {
        String(quoted.dropFirst().dropLast()).replacing("\"\"", with: "\"")
    }

    /// A tree without its locations, which the added text moves.
    private func shape(_ node: ParseNode) -> String {
        if let text = node.string { return "'\(text)'" }
        if let (type, body) = node.typed { return type == "location" ? "" : "\(type){\(shape(body))}" }
        let names = node.memberNames.filter { $0 != "location" }
        if !names.isEmpty { return names.map { "\($0):\(shape(node[$0]))" }.joined(separator: ",") }
        if let number = node.integer { return "\(number)" }
        return "[\(node.elements.map(shape).joined(separator: ","))]"
    }

    private func columns(in node: ParseNode) -> [[String]] {
        if let reference = node.body(of: "ColumnRef") {
            return [reference["fields"].elements.compactMap { $0.body(of: "String")?["sval"].string }]
        }
        return node.children.flatMap(columns)
    }
}

extension ParseNode {
    fileprivate var memberNames: [String] { (value as? [String: Any])?.keys.sorted() ?? [] }
}
