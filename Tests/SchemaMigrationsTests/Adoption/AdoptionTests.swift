import Postgres
import TestSupport
import Testing

@testable import SchemaMigrations

@Suite struct AdoptionTests {
    struct Tool: CustomTestStringConvertible {
        let layout: MigrationLayout
        /// Three migrations; the third is not applied.
        let files: [String: String]
        /// The tool's table with two of them.
        let books: String
        /// What the tool writes when the second has failed.
        let failed: String
        /// What the tool writes when it has applied something that is in no file.
        let unknown: String
        var testDescription: String { layout.rawValue }
    }

    private static let texts = (1...3).map { "CREATE TABLE t\($0) (a int);\n-- é\n" }

    static let tools = [
        Tool(
            layout: .golangMigrate,
            files: ["1_a.up.sql": texts[0], "2_b.up.sql": texts[1], "3_c.up.sql": texts[2]],
            books: """
                CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
                INSERT INTO schema_migrations VALUES (2, false)
                """,
            failed: "UPDATE schema_migrations SET dirty = true",
            unknown: "UPDATE schema_migrations SET version = 77"
        ),
        Tool(
            layout: .dbmate,
            files: Dictionary(
                uniqueKeysWithValues: texts.enumerated().map { ("\($0 + 1)_a.sql", "-- migrate:up\n\($1)") }
            ),
            books: """
                CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
                INSERT INTO schema_migrations VALUES ('1'), ('2')
                """,
            failed: "",
            unknown: "INSERT INTO schema_migrations VALUES ('77')"
        ),
        Tool(
            layout: .diesel,
            files: [
                "00000000000000_diesel_initial_setup/up.sql": texts[0], "2026-03-01-120000_b/up.sql": texts[1],
                "2026-03-02-120000_c/up.sql": texts[2],
            ],
            books: """
                CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp DEFAULT now());
                INSERT INTO __diesel_schema_migrations VALUES ('00000000000000'), ('20260301120000')
                """,
            failed: "",
            unknown: "INSERT INTO __diesel_schema_migrations VALUES ('77')"
        ),
        Tool(
            layout: .prisma,
            files: ["0_init/migration.sql": texts[0], "2_b/migration.sql": texts[1], "3_c/migration.sql": texts[2]],
            books: """
                CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL,
                    finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz,
                    started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count int NOT NULL DEFAULT 0);
                INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, rolled_back_at) VALUES
                    ('1', encode(sha256(E'CREATE TABLE t1 (a int);\\n-- é\\n'), 'hex'), now(), '0_init', NULL),
                    ('2', 'bad', NULL, '2_b', now()),
                    ('3', encode(sha256(E'CREATE TABLE t2 (a int);\\r\\n-- é\\r\\n'), 'hex'), now(), '2_b', NULL)
                """,
            failed: "UPDATE _prisma_migrations SET finished_at = NULL WHERE id = '3'",
            unknown: "UPDATE _prisma_migrations SET migration_name = '77_x' WHERE id = '3'"
        ),
        Tool(
            layout: .flyway,
            files: ["V1__a.sql": texts[0], "V1.5__b.sql": texts[1], "V2__c.sql": texts[2]],
            books: """
                CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50),
                    description varchar(200), type varchar(20), script varchar(1000), checksum int, installed_by varchar(100),
                    installed_on timestamp, execution_time int, success boolean);
                INSERT INTO flyway_schema_history (installed_rank, version, type, script, checksum, success) VALUES
                    (0, NULL, 'SQL', 'R__x.sql', 1, true), (1, '1', 'SQL', 'V1__a.sql', \(crc(texts[0])), true),
                    (2, '2', 'SQL', 'V2__c.sql', 5, true), (3, '2', 'UNDO_SQL', 'U2__c.sql', 6, true),
                    (4, '1.5', 'SQL', 'V1.5__b.sql', \(crc(texts[1])), true)
                """,
            failed: "UPDATE flyway_schema_history SET success = false WHERE installed_rank = 4",
            unknown: "UPDATE flyway_schema_history SET version = '77' WHERE installed_rank = 4"
        ),
    ]

    private static func crc(_ text: String) -> Int32 {
        Int32(bitPattern: CRC32.of(text.utf8.filter { $0 != 0x0A }))
    }

    /// A database as the tool left it, with its two tables.
    private func withBooks(_ tool: Tool, _ body: (TestDatabase, PostgresConnection) async throws -> Void) async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t1 (a int); CREATE TABLE t2 (a int); \(tool.books)")
                try await body(database, connection)
            }
        }
    }

    private func failure(of migrator: Migrator, _ tool: Tool, table: String? = nil) async throws -> MigrationError? {
        do {
            _ = try await migrator.adopt(from: tool.layout, table: table)
            return nil
        } catch let error as MigrationError {
            return error
        }
    }

    @Test(arguments: tools)
    func `what another tool has applied is recorded, and the rest is applied`(_ tool: Tool) async throws {
        try await withBooks(tool) { database, connection in
            let migrator = try migrator(tool.files, on: database)
            let adopted = try await migrator.adopt(from: tool.layout)
            #expect(adopted.map(\.folder) == migrator.source.migrations.prefix(2).map(\.folder))
            #expect(try await migrator.status().state == .pending)
            let who: String = try await connection.value("SELECT min(applied_by) FROM migrate_history")
            #expect(who.hasSuffix("(adopted from \(tool.layout.rawValue))"))
            #expect(try await migrator.adopt(from: tool.layout).isEmpty)
            let result = try await migrator.up()
            #expect(result.completed.map(\.number) == migrator.source.latest.map { [$0.number] })
            #expect(try await connection.hasTable("t3"))
            #expect(try await migrator.status().state == .upToDate)
        }
    }

    @Test(arguments: tools.filter { !$0.failed.isEmpty })
    func `a migration that the other tool left half-done needs a person`(_ tool: Tool) async throws {
        try await withBooks(tool) { database, connection in
            try await connection.execute(script: tool.failed)
            let error = try await failure(of: try migrator(tool.files, on: database), tool)
            #expect(error?.code == .foreignHalfDone)
            #expect(error?.exitCode == .needsHuman)
            #expect(try await !connection.hasTable("migrate_history"))
        }
    }

    @Test(arguments: tools)
    func `a version without a file is a disagreement`(_ tool: Tool) async throws {
        try await withBooks(tool) { database, connection in
            try await connection.execute(script: tool.unknown)
            let error = try await failure(of: try migrator(tool.files, on: database), tool)
            #expect(error?.code == .foreignDisagreement)
            #expect(error?.exitCode == .disagreement)
            #expect(error?.message.contains("version 77") == true)
            #expect(try await !connection.hasTable("migrate_history"))
        }
    }

    @Test(arguments: tools.filter { $0.layout == .prisma || $0.layout == .flyway })
    func `a file that was edited after the other tool applied it is a disagreement`(_ tool: Tool) async throws {
        try await withBooks(tool) { database, _ in
            let edited = tool.files.mapValues { $0.replacing("t2 (a int)", with: "t2 (b int)") }
            let error = try await failure(of: try migrator(edited, on: database), tool)
            #expect(error?.code == .foreignDisagreement)
            #expect(error?.location?.file.contains("b") == true)
            #expect(error?.related.isEmpty == true)
        }
    }

    @Test func `Flyway's baseline stands for everything up to it`() async throws {
        let tool = Self.tools[4]
        try await withBooks(tool) { database, connection in
            try await connection.execute(
                script: """
                    DELETE FROM flyway_schema_history;
                    INSERT INTO flyway_schema_history (installed_rank, version, type, script, success)
                    VALUES (1, '1.7', 'BASELINE', '<< Flyway Baseline >>', true)
                    """
            )
            let adopted = try await migrator(tool.files, on: database).adopt(from: .flyway)
            #expect(adopted.map(\.folder) == ["V1__a", "V1.5__b"])
        }
    }

    @Test func `a table that is not there, or another tool's, is an error with the next step`() async throws {
        let tool = Self.tools[0]
        try await withDatabase { database in
            let migrator = try migrator(tool.files, on: database)
            let absent = try await failure(of: migrator, tool)
            #expect(absent?.code == .noForeignBookkeeping)
            #expect(absent?.hint?.contains("--from-table") == true)
            try await database.connect { connection in
                try await connection.execute(script: "CREATE SCHEMA s; CREATE TABLE s.books (version text)")
            }
            let other = try await failure(of: migrator, tool, table: "s.books")
            #expect(other?.message == "the table s.books is not golang-migrate's: it has no column dirty")
            let folders = await #expect(throws: MigrationError.self) { try await migrator.adopt(from: .folders) }
            #expect(folders?.exitCode == .usage)
        }
    }

    @Test func `CRC-32 is that of zip files`() {
        #expect(CRC32.of("123456789".utf8) == 0xCBF4_3926)
    }
}
