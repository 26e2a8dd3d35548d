import Testing

@testable import SchemaMigrations

@Suite struct ForeignScriptTests {
    /// What a file's steps run, each with its kind, white space squeezed.
    private func steps(_ sql: String) throws -> [String] {
        let source = try MigrationSource(files: ["1_a.up.sql": sql])
        return source.migrations[0].steps.map { step in
            let text = step.file.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            let settings = step.settings.map { "[\($0)] " } ?? ""
            return "\(step.kind.label == .transaction ? "" : "alone: ")\(settings)\(text)"
        }
    }

    struct Case: CustomTestStringConvertible {
        let name: String
        let sql: String
        let steps: [String]
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "plain", sql: "SELECT 1; SELECT 2", steps: ["SELECT 1; SELECT 2"]),
        Case(name: "a file in BEGIN and COMMIT", sql: "BEGIN;\nSELECT 1;\nCOMMIT;\n", steps: ["; SELECT 1;"]),
        Case(
            name: "START TRANSACTION and END",
            sql: "START TRANSACTION; SELECT 1; END;",
            steps: ["; SELECT 1;"]
        ),
        Case(
            name: "two transactions",
            sql: "BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT;",
            steps: ["; SELECT 1;", "; ; SELECT 2;"]
        ),
        Case(
            name: "rolled back",
            sql: "SELECT 0; BEGIN; SELECT 1; ROLLBACK; SELECT 2;",
            steps: ["SELECT 0;", "; SELECT 2;"]
        ),
        Case(
            name: "chained",
            sql: "BEGIN; SELECT 1; COMMIT AND CHAIN; SELECT 2; COMMIT;",
            steps: ["; SELECT 1;", "; SELECT 2;"]
        ),
        Case(name: "a lone COMMIT", sql: "COMMIT; SELECT 1;", steps: ["; SELECT 1;"]),
        Case(
            name: "an index among others",
            sql: "CREATE TABLE t (a int);\nCREATE INDEX CONCURRENTLY i ON t (a);\nSELECT 1;",
            steps: ["CREATE TABLE t (a int);", "alone: CREATE INDEX CONCURRENTLY i ON t (a)", "; SELECT 1;"]
        ),
        Case(
            name: "an index alone",
            sql: "-- why\nCREATE INDEX CONCURRENTLY i ON t (a);\n",
            steps: ["alone: CREATE INDEX CONCURRENTLY i ON t (a)"]
        ),
        Case(
            name: "settings reach what stands alone",
            sql: "SET search_path = app;\nCREATE INDEX CONCURRENTLY i ON t (a);\nSELECT 1",
            steps: [
                "alone: [SET search_path = app] CREATE INDEX CONCURRENTLY i ON t (a)",
                "[SET search_path = app] ; SELECT 1",
            ]
        ),
        Case(
            name: "pg_dump's settings",
            sql: "SELECT pg_catalog.set_config('search_path', '', false); SELECT 1; VACUUM;",
            steps: [
                "SELECT pg_catalog.set_config('search_path', '', false); SELECT 1;",
                "alone: [SELECT pg_catalog.set_config('search_path', '', false)] VACUUM",
            ]
        ),
        Case(
            name: "settings of a transaction end with it",
            sql: "BEGIN; SET LOCAL search_path = a; SET work_mem = '1MB'; SELECT 1; COMMIT; SELECT 2;",
            steps: [
                "; SET LOCAL search_path = a; SET work_mem = '1MB'; SELECT 1;", "[SET work_mem = '1MB'] ; SELECT 2;",
            ]
        ),
        Case(name: "settings alone", sql: "SET a.b = 1; COMMIT;", steps: ["SET a.b = 1; ;"]),
        Case(
            name: "labels",
            sql: "ALTER TYPE e ADD VALUE 'x'; ALTER TYPE e ADD VALUE 'y'; UPDATE t SET a = 'x';",
            steps: ["ALTER TYPE e ADD VALUE 'x'; ALTER TYPE e ADD VALUE 'y';", "UPDATE t SET a = 'x';"]
        ),
        Case(
            name: "a renamed label",
            sql: "ALTER TYPE e RENAME VALUE 'x' TO 'y'; SELECT 1",
            steps: [
                "ALTER TYPE e RENAME VALUE 'x' TO 'y'; SELECT 1"
            ]
        ),
        Case(
            name: "a procedure that may commit",
            sql: "SELECT 1; CALL p(); SELECT 2",
            steps: ["SELECT 1;", "alone: CALL p()", "; SELECT 2"]
        ),
        Case(name: "a call inside a transaction", sql: "BEGIN; CALL p(); COMMIT", steps: ["; CALL p();"]),
        Case(
            name: "a block that commits",
            sql: "DO $$ BEGIN COMMIT; END $$; SELECT 1",
            steps: ["alone: DO $$ BEGIN COMMIT; END $$", "; SELECT 1"]
        ),
        Case(
            name: "words in strings and bodies",
            sql: "SELECT 'commit; vacuum', $$ begin; $$; /* COMMIT; */ SELECT 2 AS atomic",
            steps: ["SELECT 'commit; vacuum', $$ begin; $$; /* COMMIT; */ SELECT 2 AS atomic"]
        ),
        Case(
            name: "an SQL-standard body",
            sql: "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; VACUUM;",
            steps: ["CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;", "alone: VACUUM"]
        ),
        Case(
            name: "psql's guards of a dump",
            sql: "\\restrict 1aBc\nSELECT '\n\\restrict in a string';\n\\unrestrict 1aBc\n",
            steps: ["SELECT ' \\restrict in a string';"]
        ),
        Case(
            name: "a newer server's concurrent statement",
            sql: "SELECT 1; REPACK TABLE t CONCURRENTLY; ALTER TABLE t FROBNICATE CONCURRENTLY; SELECT 2",
            steps: [
                "SELECT 1; REPACK TABLE t CONCURRENTLY;", "alone: ALTER TABLE t FROBNICATE CONCURRENTLY", "; SELECT 2",
            ]
        ),
    ]

    @Test(arguments: cases)
    func `a file is cut where psql commits`(_ example: Case) throws {
        #expect(try steps(example.sql) == example.steps)
    }

    @Test func `every place in a part is the place in the file`() throws {
        let sql = "BEGIN; -- ä\nSELECT 'é'; COMMIT; SELECT 1;\nVACUUM t;\n  SELECT falsch;"
        let steps = try MigrationSource(files: ["1_a.up.sql": sql]).migrations[0].steps
        #expect(steps.map(\.name) == ["up_1", "up_2", "up_3", "up_4"])
        let places = try steps.map { try #require(try $0.inspect().statements.first).location.description }
        #expect(places == ["1_a.up.sql:2:1", "1_a.up.sql:2:21", "1_a.up.sql:3:1", "1_a.up.sql:4:3"])
    }

    @Test func `an edit of any byte changes a checksum`() throws {
        let sql = "-- a\nBEGIN;\nSELECT 1; -- b\nCOMMIT; -- c\nVACUUM t; -- d\nSELECT 2; -- e\n"
        let before = try MigrationSource(files: ["1_a.up.sql": sql]).migrations[0].steps.map(\.file.checksum)
        #expect(Set(before).count == 3)
        for letter in ["a", "b", "c", "d", "e"] {
            let edited = sql.replacing("-- \(letter)", with: "-- z")
            let after = try MigrationSource(files: ["1_a.up.sql": edited]).migrations[0].steps.map(\.file.checksum)
            #expect(zip(before, after).count { $0 != $1 } == 1, "\(letter)")
        }
    }

    @Test(
        arguments: [
            ("SELECT 1;\n\\set x 1\n", .psqlCommand, "1_a.up.sql:2:1"),
            ("\\restrict x\n\\i other's.sql\n", .psqlCommand, "1_a.up.sql:2:1"),
            ("CREATE TABLE t (a text);\nCOPY t (a) FROM stdin;\nit's\t\\N\n\\.\n", .clientData, "1_a.up.sql:2:1"),
            ("BEGIN;\nSELECT 1;", .transactionControl, "1_a.up.sql:1:1"),
            ("PREPARE TRANSACTION 'x';", .transactionControl, "1_a.up.sql:1:1"),
        ] as [(String, MigrationError.Code, String)]
    )
    func `what cannot run is an error when it is due`(_ sql: String, _ code: MigrationError.Code, _ place: String)
        throws
    {
        let step = try MigrationSource(files: ["1_a.up.sql": sql]).migrations[0].steps[0]
        let error = #expect(throws: MigrationError.self) { try step.inspect() }
        #expect(error?.code == code)
        #expect(error?.location?.description == place)
    }

    @Test func `a text that no scanner reads is left to the server`() throws {
        let sql = "COMMIT; SELECT 'never closed"
        let steps = try MigrationSource(files: ["1_a.up.sql": sql]).migrations[0].steps
        #expect(steps.map(\.file.text) == [sql])
        #expect(try steps[0].inspect().notes.count == 1)
    }
}
