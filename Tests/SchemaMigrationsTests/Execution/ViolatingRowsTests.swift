import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// What is told about the rows that keep a constraint from being added.
@Suite struct ViolatingRowsTests {
    private let base = """
        CREATE TABLE t (part int, "Id" text, n int, secret text, PRIMARY KEY (part, "Id"));
        INSERT INTO t SELECT 1, 'k' || g, CASE WHEN g > 20 THEN g END, 'hidden' FROM generate_series(1, 1000) g;
        """

    @Test(arguments: [
        ("ALTER TABLE t ADD CONSTRAINT small CHECK (n < 993 OR (n) IS NULL) NOT VALID", "small"),
        ("SELECT 1", "t_n_check"),
    ])
    func `a CHECK that rows violate tells how many, and the keys of some`(before: String, name: String) async throws {
        try await withDatabase { database in
            let last =
                name == "small"
                ? "ALTER TABLE t VALIDATE CONSTRAINT small" : "ALTER TABLE t ADD CHECK (n < 993 -- or none\n)"
            let files = ["0001_base/up.sql": base, "0002_a/01_a.sql": before, "0002_a/02_b.sql": last]
            let error = try #require(try await failure(migrator(files, on: database)))
            #expect(error.code == .sqlFailed)
            #expect(error.message.contains("check constraint \"\(name)\" of relation \"t\" is violated by some row"))
            #expect(error.message.contains("8 rows violate it, for example part = 1, Id = k993; "))
            #expect(!error.description.contains("hidden"))
        }
    }

    @Test func `a NOT NULL that rows violate tells how many, and the keys of some`() async throws {
        try await withDatabase { database in
            let files = ["0001_base/up.sql": base, "0002_a/up.sql": "ALTER TABLE t ALTER n SET NOT NULL"]
            let error = try #require(try await failure(migrator(files, on: database)))
            #expect(error.message.contains("20 rows violate it, for example part = 1, Id = k1; "))
        }
    }

    @Test func `rows that cannot be looked for leave the server's error as it is`() async throws {
        try await withDatabase { database in
            let files = [
                "0001_base/up.sql": base,
                "0002_a/up.sql": "ALTER TABLE t ADD m int DEFAULT 1; ALTER TABLE t ADD CHECK (m > 1)",
            ]
            let error = try #require(try await failure(migrator(files, on: database)))
            #expect(error.message.hasSuffix("(SQLSTATE 23514)"))
            let written = "INSERT INTO t VALUES (1, 'k1', 0, 'x'); ALTER TABLE t ADD CHECK (n < 0)"
            let other = try #require(
                try await failure(migrator(["0001_base/up.sql": base, "0002_a/up.sql": written], on: database))
            )
            #expect(other.message.contains("duplicate key") && !other.message.contains("for example"))
        }
    }
}
