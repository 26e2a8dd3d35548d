import Testing

@testable import SchemaMigrations

@Suite struct StatementSplitterTests {
    /// Statements that hold what has misled splitters: semicolons and keywords where they mean nothing.
    static let difficult = [
        "SELECT 1",
        "SELECT ';', E'it\\'s; so', U&'\\0441;', B'01'",
        "SELECT 'a''b;c'",
        "SELECT \"odd;name\", \"a\"\"b;\" FROM t",
        "SELECT $$ ; $$, $tag$ $$ ; $$ ; $other$ $tag$",
        "SELECT 1 /* ; /* nested ; */ ; */ + 2",
        "SELECT 1 -- ; not the end\n + 2",
        "DO $body$ BEGIN PERFORM 1; PERFORM 2; END; $body$",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 ELSE 2 END; END",
        "CREATE OR REPLACE PROCEDURE p(a int) LANGUAGE sql BEGIN ATOMIC INSERT INTO t VALUES (1); END",
        "CREATE FUNCTION atomic_begin() RETURNS text LANGUAGE sql AS 'begin atomic; end'",
        "CREATE FUNCTION g() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)",
        "CREATE TABLE atomic (\"begin\" int, \"case\" int)",
        "UPDATE t SET a = CASE WHEN b THEN 1 END WHERE c",
        "SELECT 'жук; 🐞', 'ä'",
        "CREATE TYPE begin_atomic AS ENUM ('begin;', 'end')",
    ]

    private func split(_ text: String) throws -> [String] {
        let script = try SQLScript(text)
        return script.statements.map { String(decoding: script.bytes[$0.range], as: UTF8.self) }
    }

    @Test(arguments: difficult) func `a difficult statement is one statement`(_ statement: String) throws {
        #expect(try split(statement) == [statement])
        #expect(try split("  \(statement) ;\n\n") == [statement])
        let script = try SQLScript(statement)
        #expect(try script.parse(script.statements[0]) != nil, "the corpus must be SQL")
    }

    @Test func `any sequence of statements splits into these statements`() throws {
        var generator = SeededGenerator(seed: 7)
        let separators = [";", " ; ", ";\n", "; -- x; y\n", ";/* ; */", ";;", "\n;\n-- it's\n"]
        for _ in 0..<400 {
            let count = Int.random(in: 1...6, using: &generator)
            let statements = (0..<count).compactMap { _ in Self.difficult.randomElement(using: &generator) }
            let text = statements.reduce(into: "-- top ;\n") { text, statement in
                text += statement + (separators.randomElement(using: &generator) ?? ";")
            }
            #expect(try split(text) == statements, "\(text)")
        }
    }

    @Test(arguments: ["", " \n", "-- only", "/* only */", ";", " ; ;\n"])
    func `nothing splits into nothing`(_ text: String) throws {
        #expect(try split(text).isEmpty)
    }

    @Test(arguments: [("SELECT 'é", 8), ("SELECT $a$ b", 8), ("/* a", 1), ("SELECT 'ää', \"b", 14)])
    func `what never ends is a failure with its place in characters`(_ text: String, _ position: Int) {
        #expect { try SQLScript(text) } throws: { error in
            (error as? PostgresParser.Failure)?.position == position
        }
    }

    @Test func `tokens have byte ranges and know comments and keywords`() throws {
        let text = "SELECT 'é', a -- end\n;"
        let tokens = try PostgresParser.scan(Array(text.utf8))
        #expect(tokens.map(\.kind) == [.keyword, .other, .punctuation(0x2C), .other, .comment, .punctuation(0x3B)])
        #expect(
            tokens.map { String(decoding: Array(text.utf8)[$0.range], as: UTF8.self) } == [
                "SELECT", "'é'", ",", "a", "-- end", ";",
            ]
        )
    }

    @Test func `a NUL byte never reaches the library`() {
        #expect(throws: PostgresParser.Failure.self) { try PostgresParser.scan([0x31, 0]) }
        #expect(throws: PostgresParser.Failure.self) { try PostgresParser.parse([0]) }
    }

    @Test func `a malformed scanner answer is refused`() {
        for bytes: [UInt8] in [[0x12], [0x12, 0x05, 0x08], [0x12, 0x02, 0x08, 0x80], [0x0D, 1, 2, 3, 4], [0x80]] {
            #expect(bytes.withUnsafeBytes { ScanMessage.tokens(in: $0) } == nil, "\(bytes)")
        }
    }

    @Test(arguments: ["1+", "- ", "1 UNION SELECT ", "NOT ", "((", "[["])
    func `a statement that is nested without measure is not looked into`(_ part: String) throws {
        let script = try SQLScript("SELECT " + String(repeating: part, count: 100_000) + "1")
        let statement = try #require(script.statements.first)
        #expect(throws: PostgresParser.Failure.self) { try script.parse(statement) }
    }

    @Test func `a long list of values is looked into`() throws {
        let rows = (0..<5_000).map { "(-\($0), 'x', NULL, true)" }.joined(separator: ",")
        let script = try SQLScript("INSERT INTO t VALUES \(rows)")
        #expect(try script.parse(script.statements[0])?.typed?.type == "InsertStmt")
    }
}
