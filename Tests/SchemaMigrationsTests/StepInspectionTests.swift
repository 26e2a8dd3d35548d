import Testing

@testable import SchemaMigrations

@Suite struct StepInspectionTests {
    private func inspectionError(_ sql: String) throws -> MigrationError? {
        let step = try step(sql)
        do throws(MigrationError) {
            _ = try step.inspect()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "BEGIN", "START TRANSACTION", "COMMIT", "END", "ROLLBACK", "ABORT", "COMMIT AND CHAIN",
        "PREPARE TRANSACTION 'x'",
        "COMMIT PREPARED 'x'", "ROLLBACK PREPARED 'x'",
    ])
    func `transaction control is refused`(_ statement: String) throws {
        for directive in ["", "-- migrate: no-transaction\n"] {
            let error = try #require(try inspectionError("\(directive)\(statement);"))
            #expect(error.code == .transactionControl)
        }
    }

    @Test(arguments: [
        "CREATE INDEX CONCURRENTLY i ON t (a)", "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)",
        "DROP INDEX CONCURRENTLY i",
        "VACUUM", "VACUUM FULL t", "REINDEX TABLE CONCURRENTLY t", "REINDEX (CONCURRENTLY) INDEX i", "REINDEX SCHEMA s",
        "REINDEX DATABASE d", "REINDEX SYSTEM d", "CREATE DATABASE d", "DROP DATABASE d",
        "ALTER DATABASE d SET TABLESPACE s",
        "CREATE TABLESPACE s LOCATION '/s'", "DROP TABLESPACE s", "ALTER SYSTEM SET work_mem = '1MB'", "CLUSTER",
        "DISCARD ALL", "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
        "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
    ])
    func `what refuses a transaction needs its directive`(_ statement: String) throws {
        let error = try #require(try inspectionError("SELECT 1;\n  \(statement);"))
        #expect(error.code == .needsNoTransaction)
        #expect(error.location?.description == "1_case/up.sql:2:3")
        #expect(error.hint?.contains("-- migrate: no-transaction") == true)
        #expect(try inspectionError("-- migrate: no-transaction\n\(statement);") == nil)
    }

    @Test(arguments: [
        "CREATE INDEX i ON t (a)", "DROP INDEX i", "ANALYZE t", "REINDEX TABLE t",
        "REINDEX (CONCURRENTLY false) TABLE t",
        "CLUSTER t USING i", "SAVEPOINT a", "ROLLBACK TO a", "RELEASE a", "DISCARD PLANS",
        "ALTER TABLE t DETACH PARTITION p", "ALTER DATABASE d SET work_mem = '1MB'",
        "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false)", "COPY t FROM '/file'",
        "COPY t TO PROGRAM 'true'", "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END",
        "DO $$ BEGIN COMMIT; END $$", "SELECT 'BEGIN; COMMIT'",
    ])
    func `what may run in a transaction may stand in a step`(_ statement: String) throws {
        #expect(try inspectionError("\(statement);") == nil)
    }

    @Test func `a no-transaction step holds one statement`() throws {
        let error = try #require(try inspectionError("-- migrate: no-transaction\nVACUUM t;\n\n VACUUM u;"))
        #expect(error.code == .notOneStatement)
        #expect(error.location?.description == "1_case/up.sql:4:2")
        let open = try #require(try inspectionError("-- migrate: no-transaction\nVACUUM 'open"))
        #expect(open.code == .notOneStatement)
        #expect(open.location?.description == "1_case/up.sql:2:8")
    }

    @Test(arguments: [
        ("\\restrict abc\nSELECT 1;", "1:1", "\\restrict"), ("SELECT 1;\n\\echo it's late\n", "2:1", "\\echo"),
        ("SELECT 'ä' \\gset", "1:12", "\\gset"),
    ])
    func `commands for psql are refused by line`(_ sql: String, _ place: String, _ command: String) throws {
        let error = try #require(try inspectionError(sql))
        #expect(error.code == .psqlCommand)
        #expect(error.location?.description == "1_case/up.sql:\(place)")
        #expect(error.message.hasPrefix("\(command) is a command for psql"))
    }

    @Test(arguments: ["COPY t FROM STDIN", "COPY t FROM stdin WITH (FORMAT csv)", "COPY t TO STDOUT"])
    func `data from the client is refused`(_ statement: String) throws {
        #expect(try inspectionError(statement)?.code == .clientData)
    }

    @Test func `SQL that the grammar does not know is left to the server and named`() throws {
        let inspection = try step("SELECT 1;\n-- 'ä'\nALTER TABLE ä FROBNICATE 'x';\nSELECT 2;").inspect()
        #expect(inspection.statements.map(\.kind) == ["SELECT", "ALTER TABLE", "SELECT"])
        #expect(inspection.statements.map(\.isLockKnown) == [true, false, true])
        let note = try #require(inspection.notes.first)
        #expect(inspection.notes.count == 1)
        #expect(note.location.description == "1_case/up.sql:3:15")
        #expect(note.message.contains("FROBNICATE"))
        let unclosed = try step("SELECT 1;\nSELECT 'x").inspect()
        #expect(unclosed.statements.isEmpty)
        #expect(unclosed.notes.map(\.location.description) == ["1_case/up.sql:2:8"])
    }

    /// Damaged files must end in an answer or an error with a place, whatever the damage.
    @Test func `damaged SQL never gets the better of an inspection`() throws {
        var generator = SeededGenerator(seed: 5)
        let corpus = StatementSplitterTests.difficult + ["\\restrict x", "UPDATE t SET a = 1 WHERE b"]
        let directives = ["", "-- migrate: no-transaction\n", "-- migrate: backfill table=t\n"]
        for _ in 0..<600 {
            let statements = (0..<3).compactMap { _ in corpus.randomElement(using: &generator) }
            var scalars = Array(statements.joined(separator: ";\n").unicodeScalars)
            for _ in 0..<Int.random(in: 0...3, using: &generator) where !scalars.isEmpty {
                scalars.remove(at: .random(in: scalars.indices, using: &generator))
            }
            let directive = directives.randomElement(using: &generator) ?? ""
            let text = directive + "SELECT 0;" + String(String.UnicodeScalarView(scalars))
            let lines = text.unicodeScalars.count { $0 == "\n" } + 1
            let error = try inspectionError(text)
            if let error { #expect((1...lines).contains(error.location?.line ?? 0), "\(text)") }
            if !directive.isEmpty && statements.count == 3 { #expect(error != nil, "\(text)") }
        }
    }

    @Test func `an inspection error shows its line with a caret`() throws {
        let error = try #require(try inspectionError("SELECT 1;\tCOMMIT;"))
        #expect(
            error.description == """
                1_case/up.sql:1:11: COMMIT in a step: the engine begins and ends the transaction
                  SELECT 1;\tCOMMIT;
                           \t^
                hint: remove it; what must commit on its own goes into a step of its own
                """
        )
    }

    struct Summary: CustomTestStringConvertible {
        let sql: String
        let kind: String
        let locks: [String]
        var isKnown = true
        var testDescription: String { sql }

        init(_ sql: String, _ kind: String, _ locks: String..., isKnown: Bool = true) {
            self.sql = sql
            self.kind = kind
            self.locks = locks
            self.isKnown = isKnown
        }
    }

    @Test(arguments: [
        Summary("CREATE TYPE e AS ENUM ('a')", "CREATE TYPE"),
        Summary("ALTER TYPE e ADD VALUE 'b'", "ALTER TYPE … ADD VALUE"),
        Summary("ALTER TABLE s.t ADD COLUMN a int", "ALTER TABLE … ADD COLUMN", "s.t ACCESS EXCLUSIVE"),
        Summary(
            "ALTER TABLE t ADD COLUMN a int REFERENCES u",
            "ALTER TABLE … ADD COLUMN",
            "t ACCESS EXCLUSIVE",
            "u SHARE ROW EXCLUSIVE"
        ),
        Summary("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", "ALTER TABLE … ADD CHECK", "t ACCESS EXCLUSIVE"),
        Summary(
            "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
            "ALTER TABLE … ADD CHECK NOT VALID",
            "t ACCESS EXCLUSIVE"
        ),
        Summary(
            "ALTER TABLE t VALIDATE CONSTRAINT c",
            "ALTER TABLE … VALIDATE CONSTRAINT",
            "t SHARE UPDATE EXCLUSIVE"
        ),
        Summary(
            "ALTER TABLE t VALIDATE CONSTRAINT c, ALTER a SET NOT NULL",
            "ALTER TABLE … VALIDATE CONSTRAINT, SET NOT NULL",
            "t ACCESS EXCLUSIVE"
        ),
        Summary(
            "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u (b) NOT VALID",
            "ALTER TABLE … ADD FOREIGN KEY NOT VALID",
            "t SHARE ROW EXCLUSIVE",
            "s.u SHARE ROW EXCLUSIVE"
        ),
        Summary("ALTER TABLE t SET (fillfactor = 80)", "ALTER TABLE … SET (…)", "t SHARE UPDATE EXCLUSIVE"),
        Summary("ALTER TABLE t SET (user_catalog_table = true)", "ALTER TABLE … SET (…)", "t ACCESS EXCLUSIVE"),
        Summary("ALTER TABLE t DISABLE TRIGGER g", "ALTER TABLE … DISABLE TRIGGER", "t SHARE ROW EXCLUSIVE"),
        Summary(
            "ALTER TABLE t ATTACH PARTITION p DEFAULT",
            "ALTER TABLE … ATTACH PARTITION",
            "t SHARE UPDATE EXCLUSIVE",
            "p ACCESS EXCLUSIVE"
        ),
        Summary("ALTER TABLE t RENAME COLUMN a TO b", "ALTER … RENAME COLUMN", "t ACCESS EXCLUSIVE"),
        Summary("ALTER INDEX i RENAME TO j", "ALTER … RENAME INDEX", "i SHARE UPDATE EXCLUSIVE"),
        Summary("CREATE TABLE t (a int REFERENCES t, b int REFERENCES u)", "CREATE TABLE", "u SHARE ROW EXCLUSIVE"),
        Summary("CREATE TABLE p PARTITION OF t DEFAULT", "CREATE TABLE", "t ACCESS EXCLUSIVE"),
        Summary("CREATE INDEX ON t (a)", "CREATE INDEX", "t SHARE"),
        Summary(
            "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)",
            "CREATE UNIQUE INDEX CONCURRENTLY",
            "t SHARE UPDATE EXCLUSIVE"
        ),
        Summary(
            "CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
            "CREATE TRIGGER",
            "t SHARE ROW EXCLUSIVE"
        ),
        Summary("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1", "CREATE FUNCTION"),
        Summary("CREATE VIEW v AS WITH x AS (SELECT * FROM t) SELECT * FROM x", "CREATE VIEW", "t ACCESS SHARE"),
        Summary("CREATE OR REPLACE VIEW v AS SELECT 1", "CREATE OR REPLACE VIEW", "v ACCESS EXCLUSIVE"),
        Summary("DROP TABLE a, b.c", "DROP TABLE", "a ACCESS EXCLUSIVE", "b.c ACCESS EXCLUSIVE"),
        Summary("DROP TABLE a CASCADE", "DROP TABLE", "a ACCESS EXCLUSIVE", isKnown: false),
        Summary("DROP INDEX i", "DROP INDEX", "i ACCESS EXCLUSIVE", isKnown: false),
        Summary("DROP TRIGGER g ON s.t", "DROP TRIGGER", "s.t ACCESS EXCLUSIVE"),
        Summary("DROP FUNCTION f(int)", "DROP FUNCTION"),
        Summary("DROP TYPE e", "DROP TYPE"),
        Summary("COMMENT ON COLUMN s.t.a IS 'x'", "COMMENT ON", "s.t SHARE UPDATE EXCLUSIVE"),
        Summary("COMMENT ON TABLE t IS 'x'", "COMMENT ON", "t SHARE UPDATE EXCLUSIVE"),
        Summary("COMMENT ON TYPE e IS 'x'", "COMMENT ON"),
        Summary("UPDATE \"T\" SET a = 1", "UPDATE", "\"T\" ROW EXCLUSIVE"),
        Summary("INSERT INTO t SELECT * FROM u", "INSERT", "t ROW EXCLUSIVE"),
        Summary("DELETE FROM t", "DELETE", "t ROW EXCLUSIVE"),
        Summary("SELECT * FROM t FOR UPDATE", "SELECT", "t ROW SHARE"),
        Summary("TRUNCATE a, b", "TRUNCATE", "a ACCESS EXCLUSIVE", "b ACCESS EXCLUSIVE"),
        Summary("LOCK TABLE t IN SHARE MODE", "LOCK TABLE", "t SHARE"),
        Summary("VACUUM t", "VACUUM", "t SHARE UPDATE EXCLUSIVE"),
        Summary("REFRESH MATERIALIZED VIEW CONCURRENTLY v", "REFRESH MATERIALIZED VIEW", "v EXCLUSIVE"),
        Summary("GRANT SELECT ON t TO r", "GRANT"),
        Summary("SET LOCAL work_mem = '1MB'", "SET"),
        Summary("DO $$ BEGIN END $$", "DO"),
        Summary("DO $$ BEGIN EXECUTE 'DROP TABLE t'; END $$", "DO", isKnown: false),
        Summary("DO $$ BEGIN PERFORM f(); END $$", "DO", isKnown: false),
        Summary("DO LANGUAGE plperl 'elog(NOTICE, 1)'", "DO", isKnown: false),
        Summary(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM u) THEN ALTER TABLE t ADD COLUMN c int; END IF; END $$",
            "DO: ALTER TABLE … ADD COLUMN",
            "t ACCESS EXCLUSIVE"
        ),
        Summary(
            "DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM u LOOP UPDATE t SET a = r.a; END LOOP; END $$",
            "DO: UPDATE",
            "t ROW EXCLUSIVE"
        ),
        Summary("CALL p()", "CALL", isKnown: false),
        Summary("ALTER OPERATOR FAMILY f USING btree DROP OPERATOR 1 (int, int)", "Alter Op Family", isKnown: false),
    ])
    func `a statement is summed up by kind, tables and locks`(_ expected: Summary) throws {
        let directive = expected.sql.contains("CONCURRENTLY") || expected.sql.hasPrefix("VACUUM")
        let prefix = directive ? "-- migrate: no-transaction\n" : ""
        let inspection = try step("\(prefix)\(expected.sql);").inspect()
        let summary = try #require(inspection.statements.first)
        #expect(inspection.notes.isEmpty)
        #expect(summary.kind == expected.kind)
        #expect(summary.locks.map { "\($0.table) \($0.mode.rawValue)" } == expected.locks)
        #expect(summary.isLockKnown == expected.isKnown)
        #expect(summary.sql == expected.sql)
        #expect(summary.location.line == (directive ? 2 : 1))
    }

    @Test func `lock modes are ordered, and tell whom they stop`() {
        #expect(LockMode.allCases.map(\.level) == Array(1...8))
        #expect(
            LockMode.allCases.filter(\.blocksWriters) == [.share, .shareRowExclusive, .exclusive, .accessExclusive]
        )
        #expect(LockMode.allCases.filter(\.blocksReaders) == [.accessExclusive])
    }
}
