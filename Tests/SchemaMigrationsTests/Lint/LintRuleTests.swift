import Foundation
import SchemaMigrations
import Testing

/// The rules that a text breaks, as the second migration behind one that made two tables.
private func rules(
    _ sql: String,
    version: Int = 15,
    base: String =
        "CREATE TABLE t (id bigint PRIMARY KEY, a varchar(10), n numeric(8,2) NOT NULL DEFAULT 0); CREATE TABLE u (id bigint)"
) throws -> [String] {
    try report(["1_base/up.sql": base, "2_case/up.sql": sql], version: version).findings.map(\.rule.id)
}

private func report(_ files: [String: String], version: Int = 15) throws -> LintReport {
    Linter(version: version).lint(try MigrationSource(files: files))
}

struct LintRuleTests {
    /// Each line: the rules that are broken, and the text.
    static let broken: [(String, String)] = [
        ("index-not-concurrent", "CREATE INDEX i ON t (a)"),
        ("index-not-concurrent", "CREATE UNIQUE INDEX i ON elsewhere (a)"),
        ("index-not-concurrent", "DO $$ BEGIN IF true THEN CREATE INDEX i ON t (a); END IF; END $$"),
        ("drop-index-not-concurrent", "DROP INDEX i"),
        ("reindex-not-concurrent", "REINDEX TABLE t"),
        (
            "if-not-exists-hides-invalid-index",
            "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)"
        ),
        ("wide-index", "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i ON t (a, b, c, d)"),
        ("constraint-builds-index", "ALTER TABLE t ADD CONSTRAINT q UNIQUE (a)"),
        ("constraint-builds-index", "ALTER TABLE u ADD PRIMARY KEY (id)"),
        ("exclusion-constraint", "ALTER TABLE t ADD EXCLUDE USING gist (a WITH =)"),
        ("check-validated", "ALTER TABLE t ADD CHECK (id > 0)"),
        ("set-not-null", "ALTER TABLE t ALTER COLUMN a SET NOT NULL"),
        ("domain-constraint", "ALTER DOMAIN d ADD CHECK (VALUE > 0)"),
        ("domain-constraint", "CREATE DOMAIN d AS int CHECK (VALUE > 0)"),
        ("required-column", "ALTER TABLE t ADD COLUMN c int NOT NULL"),
        ("required-column", "ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT NULL"),
        ("add-column-rewrites", "ALTER TABLE t ADD COLUMN c uuid DEFAULT gen_random_uuid()"),
        ("add-column-rewrites", "ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (id + 1) STORED"),
        ("add-column-rewrites", "ALTER TABLE t ADD COLUMN c bigint GENERATED ALWAYS AS IDENTITY"),
        ("change-column-type", "ALTER TABLE t ALTER COLUMN a TYPE int USING a::int"),
        ("change-column-type", "ALTER TABLE t ALTER COLUMN a TYPE varchar(5)"),
        ("change-column-type", "ALTER TABLE t ALTER COLUMN n TYPE numeric(12,3)"),
        ("previous-insert-refused", "ALTER TABLE t ALTER COLUMN n DROP DEFAULT"),
        ("json-column", "ALTER TABLE t ADD COLUMN c json"),
        ("char-column", "CREATE TABLE v (c char(3))"),
        ("timestamp-without-time-zone", "CREATE TABLE v (c timestamp)"),
        ("small-key", "CREATE TABLE v (id int PRIMARY KEY)"),
        ("small-key", "CREATE TABLE v (id int, PRIMARY KEY (id))"),
        ("serial-column", "CREATE TABLE v (id bigserial PRIMARY KEY)"),
        ("serial-column", "CREATE TABLE v (id bigint, n bigserial)"),
        ("identifier-too-long", "CREATE TABLE \(String(repeating: "x", count: 64)) (c int)"),
        ("drop-column", "ALTER TABLE t DROP COLUMN a"),
        ("drop-table", "DROP TABLE t"),
        ("drop-database", "DROP SCHEMA s"),
        ("truncate", "TRUNCATE t"),
        ("truncate", "TRUNCATE t CASCADE"),
        ("rename", "ALTER TABLE t RENAME COLUMN a TO b"),
        ("rename", "ALTER TABLE t RENAME TO w"),
        ("drop-not-null", "ALTER TABLE t ALTER COLUMN n DROP NOT NULL"),
        ("contract-in-expand", "DROP VIEW v"),
        ("contract-in-expand", "ALTER TYPE e RENAME VALUE 'a' TO 'b'"),
        ("contract-in-expand", "REVOKE SELECT ON t FROM r"),
        ("contract-in-expand", "ALTER TABLE t SET SCHEMA s"),
        ("several-tables-locked", "ALTER TABLE t ADD COLUMN c int; ALTER TABLE u ADD COLUMN c int"),
        ("lock-table", "LOCK TABLE t"),
        ("rewrite-table", "-- migrate: no-transaction\nVACUUM FULL t"),
        ("rewrite-table", "CLUSTER t USING t_pkey"),
        ("rewrite-table", "ALTER TABLE t SET UNLOGGED"),
        ("refresh-not-concurrent", "REFRESH MATERIALIZED VIEW m"),
        ("timeout-disabled", "SET lock_timeout = 0"),
        ("timeout-disabled", "SET LOCAL lock_timeout = '0s'"),
        ("timeout-disabled", "RESET lock_timeout"),
        ("refuses-transaction", "CREATE INDEX CONCURRENTLY i ON t (a)"),
        ("transaction-control", "COMMIT"),
        ("unbatched-write", "UPDATE t SET a = 'x'"),
        ("unbatched-write", "DELETE FROM t"),
        ("unbatched-write", "INSERT INTO t SELECT * FROM u"),
        ("backfill-in-ddl-transaction", "ALTER TABLE t ADD COLUMN c int; UPDATE t SET c = 1"),
        ("enum-label-used-in-same-transaction", "ALTER TYPE e ADD VALUE 'x'; INSERT INTO u2 VALUES ('x')"),
        (
            "validate-in-same-transaction",
            "ALTER TABLE t ADD CONSTRAINT k CHECK (id > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT k"
        ),
        ("detach-partition-not-concurrent", "ALTER TABLE t DETACH PARTITION u"),
        ("unreadable", "CREATE TABEL t (c int)"),
    ]

    @Test(arguments: broken)
    func `each rule speaks of what breaks it, and no other does`(_ rule: String, _ sql: String) throws {
        let found = try rules(sql)
        #expect(found == [rule])
    }

    @Test(arguments: [
        "CREATE TABLE v (id bigint PRIMARY KEY, b text CHECK (b <> '')); CREATE INDEX i ON v (b); UPDATE v SET b = 'x'",
        "CREATE TABLE v (id bigint); ALTER TABLE v ADD COLUMN c int NOT NULL; ALTER TABLE v ADD CHECK (c > 0); DROP TABLE v",
        "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i ON t (a)",
        "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY i",
        "-- migrate: no-transaction\nREINDEX TABLE CONCURRENTLY t",
        "ALTER TABLE t ADD CONSTRAINT q UNIQUE USING INDEX i",
        "ALTER TABLE t ADD COLUMN c int", "ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 0",
        "ALTER TABLE t ADD COLUMN c timestamptz DEFAULT now()",
        "ALTER TABLE t ADD CONSTRAINT k CHECK (id > 0) NOT VALID", "ALTER TABLE t VALIDATE CONSTRAINT k",
        "ALTER TABLE t ALTER COLUMN a TYPE varchar(20)", "ALTER TABLE t ALTER COLUMN a TYPE text",
        "ALTER TABLE t ALTER COLUMN n TYPE numeric(12,2)", "ALTER TABLE t ALTER COLUMN n TYPE numeric",
        "ALTER TABLE t ALTER COLUMN a DROP DEFAULT", "ALTER TYPE e ADD VALUE 'x'",
        "-- migrate: backfill table=t\nUPDATE t SET a = 'x' WHERE a IS NULL", "INSERT INTO t (id) VALUES (1)",
        "SET lock_timeout = '2s'", "SAVEPOINT s", "-- migrate: phase=contract\nALTER TABLE t DROP COLUMN a",
        "-- migrate: phase=contract\nDROP TABLE t", "LOCK TABLE t IN ACCESS SHARE MODE",
        "CREATE TABLE v (c varchar(3), at timestamptz, j jsonb, n int)", "GRANT SELECT ON t TO r",
        "SELECT E'\(String(repeating: "x", count: 80))'",
    ])
    func `nothing is said of what is safe`(_ sql: String) throws {
        #expect(try rules(sql) == [])
    }

    @Test func `a foreign key names both tables, and locks both`() throws {
        let found = try report(["1_a/up.sql": "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u"]).findings
        #expect(found.map(\.rule.id) == ["foreign-key-validated"])
        #expect(found.first?.why.contains("t and u") == true)
        #expect(found.first?.location.description == "1_a/up.sql:1:19")
        #expect(try rules("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u NOT VALID") == [])
    }

    @Test func `the release decides`() throws {
        #expect(try rules("ALTER TABLE t ADD COLUMN c int DEFAULT 0", version: 10) == ["add-column-rewrites"])
        #expect(try rules("ALTER TYPE e ADD VALUE 'x'", version: 11) == ["enum-label-used-in-same-transaction"])
        #expect(try rules("ALTER TABLE t DETACH PARTITION u", version: 13) == [])
        #expect(try rules("REINDEX TABLE t", version: 11) == [])
    }

    @Test func `a CHECK before its backfill is found across steps`() throws {
        let check = "ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0) NOT VALID"
        let fill = "-- migrate: backfill table=t\nUPDATE t SET c = 1 WHERE c IS NULL"
        let add = "ALTER TABLE t ADD COLUMN c int"
        let wrong = try report(["1_a/1_add.sql": add, "1_a/2_check.sql": check, "1_a/3_fill.sql": fill])
        #expect(wrong.findings.map(\.rule.id) == ["check-before-backfill"])
        let right = try report(["1_a/1_add.sql": add, "1_a/2_fill.sql": fill, "1_a/3_check.sql": check])
        #expect(right.findings.isEmpty)
    }

    @Test func `an INSERT of the previous release is thought of`() throws {
        let add = "ALTER TABLE t ADD COLUMN c int;"
        let check = "ALTER TABLE t ADD CONSTRAINT k CHECK (c IS NOT NULL) NOT VALID"
        #expect(try rules("\(add) \(check)") == ["previous-insert-refused"])
        #expect(try rules("ALTER TABLE t ADD COLUMN c int DEFAULT 0; \(check)") == [])
        let trigger = "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();"
        #expect(try rules("\(add) \(trigger) \(check)") == [])
        #expect(try rules("-- migrate: phase=contract\n\(add) \(check)") == [])
    }

    @Test func `a validated CHECK makes SET NOT NULL free from PostgreSQL 12 on`() throws {
        let files = [
            "1_a/1_add.sql": "ALTER TABLE t ADD CONSTRAINT k CHECK (a IS NOT NULL) NOT VALID",
            "1_a/2_validate.sql": "ALTER TABLE t VALIDATE CONSTRAINT k",
            "1_a/3_set.sql": "ALTER TABLE t ALTER a SET NOT NULL",
        ]
        #expect(try report(files).findings.isEmpty)
        #expect(try report(files, version: 11).findings.map(\.rule.id) == ["set-not-null"])
    }

    /// Each: the silence, the statement below it, the rules that are found, and what is said of the silence.
    static let silences: [(String, String, [String], String?)] = [
        ("allow drop-table nobody used it", "DROP TABLE t", [], nil),
        ("allow drop-table unused", "SELECT 1", ["unused-silence"], "nothing in this file breaks drop-table"),
        (
            "allow drop-tabel it is empty", "DROP TABLE t", ["drop-table", "invalid-silence"],
            "did you mean drop-table?"
        ),
        ("allow drop-table", "DROP TABLE t", ["drop-table", "invalid-silence"], "says no reason"),
        ("allow", "DROP TABLE t", ["drop-table", "invalid-silence"], "names no rule"),
        ("allow zzz", "SELECT 1", ["invalid-silence"], "no rule \"zzz\""),
        ("allow invalid-silence no", "SELECT 1", ["unused-silence"], "nothing in this file breaks invalid-silence"),
    ]

    @Test(arguments: silences)
    func `a silence needs a rule, a reason and something to silence, wherever it stands`(
        _ silence: String,
        _ statement: String,
        _ expected: [String],
        _ why: String?
    ) throws {
        let text = "-- a\n-- migrate: \(silence)\n\(statement)"
        let reports = [
            try report(["1_a/up.sql": text]),
            try Linter().lint(files: [(path: "a.sql", bytes: Array(text.utf8))]),
            try report(["V1__a.sql": text]),
        ]
        for report in reports {
            #expect(report.findings.map(\.rule.id) == expected)
            #expect(report.silencedCount == (expected.isEmpty ? 1 : 0))
            guard let why else { continue }
            #expect(report.findings.last?.why.contains(why) == true)
            #expect(report.findings.last?.location.line == 2)
        }
    }

    @Test func `a wrong directive in a single file is an error, and one of another tool is a comment`() throws {
        func lint(_ text: String) throws -> LintReport {
            try Linter().lint(files: [(path: "a.sql", bytes: Array(text.utf8))])
        }
        #expect(throws: MigrationError.self) { try lint("-- migrate: phase=never\nSELECT 1") }
        #expect(try lint("-- migrate:up\nSELECT 1").findings.isEmpty)
    }

    @Test func `only what is pending is reported, and empty tables are free`() throws {
        let source = try MigrationSource(files: ["1_a/up.sql": "DROP TABLE x", "2_b/up.sql": "CREATE INDEX i ON t (a)"])
        let second = try #require(MigrationVersion(2))
        func rules(isEmpty: Bool) -> [String] {
            let size = LintDatabase.Size(bytes: 8192, isEmpty: isEmpty)
            let database = LintDatabase(version: 15, tables: [QualifiedName(schema: "public", name: "t"): size])
            return Linter(database: database).lint(source, pending: [second]).findings.map(\.rule.id)
        }
        #expect(rules(isEmpty: false) == ["index-not-concurrent"])
        #expect(rules(isEmpty: true) == [])
    }

    @Test func `the shipped migrations have no finding`() throws {
        let root = URL(fileURLWithPath: #filePath).pathComponents.dropLast(4).joined(separator: "/").dropFirst()
        let report = Linter().lint(try MigrationSource.load(from: "\(root)/migrations"))
        #expect(report.findings.map { "\($0.location) \($0.rule.id)" } == [])
        #expect(report.fileCount >= 8)
    }

    @Test func `each rule has a page and each page a rule`() throws {
        let root = URL(fileURLWithPath: #filePath).pathComponents.dropLast(4).joined(separator: "/").dropFirst()
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(root)/docs/lint")
        let pages = Set(names.filter { $0 != "README.md" })
        #expect(pages == Set(LintRule.all.map { "\($0.id).md" }))
        for rule in LintRule.all {
            let page = try String(contentsOfFile: "\(root)/\(rule.page)", encoding: .utf8)
            #expect(page.hasPrefix("# `\(rule.id)`"))
            for title in ["## Why", "## The safe form", "## How to silence"] {
                #expect(page.contains(title), "\(rule.id)")
            }
        }
        #expect(Set(LintRule.all.map(\.id)).count == LintRule.all.count)
    }
}
