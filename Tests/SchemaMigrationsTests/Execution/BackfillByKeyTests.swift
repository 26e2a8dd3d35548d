import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Backfills of what has no pages that could be walked, or whose directive names the columns to walk by.
@Suite struct BackfillByKeyTests {
    /// Keys of two columns, in texts that need quoting, with rows for several batches.
    private let base = """
        CREATE TABLE t (part text, at timestamptz, n int, pad text, PRIMARY KEY (part, at));
        INSERT INTO t SELECT 'it''s ' || g % 7, '2026-01-01'::timestamptz + g * interval '1 s', NULL, repeat('x', 200)
        FROM generate_series(1, 3000) g;
        """

    @Test func `a walk by key that was interrupted goes on from its key, and repeats no batch`() async throws {
        try await withDatabase { database in
            let fill = "-- migrate: backfill table=t by=part,at\nUPDATE t AS r SET n = 7 WHERE r.n IS NULL"
            let migrator = try migrator(["0001_base/up.sql": base, "0002_fill/up.sql": fill], on: database) {
                $0.batchPages = 1
            }
            var interruptions = 0
            var isDone = false
            while !isDone {
                let run = Task {
                    try await failure(migrator) { event in
                        if case .stepProgress = event { withUnsafeCurrentTask { $0?.cancel() } }
                    }
                }
                isDone = try await run.value == nil
                if !isDone { interruptions += 1 }
                guard interruptions == 1, !isDone else { continue }
                let (key, after): ([String], [String]?) = try await database.connect {
                    try await $0.query("SELECT key, after_key FROM migrate_backfill").one()
                        .decode([String].self, [String]?.self)
                }
                #expect(key == ["part", "at"])
                #expect(after?.first == "it's 0")
            }
            #expect(interruptions > 0)
            let left: Int = try await database.connect { try await $0.value("SELECT count(*) FROM t WHERE n IS NULL") }
            #expect(left == 0)
            #expect(try await migrator.history().records.last?.rows == 3000)
        }
    }

    @Test func `a table whose access method has no pages to walk is walked by its primary key`() async throws {
        try await withDatabase { database in
            let files = [
                "0001_base/up.sql": """
                CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler;
                CREATE TABLE t (id int PRIMARY KEY, n int) USING other;
                INSERT INTO t SELECT g, NULL FROM generate_series(1, 1000) g;
                """,
                "0002_fill/up.sql": "-- migrate: backfill table=t\nUPDATE t SET n = id WHERE n IS NULL",
            ]
            let log = EventLog()
            let migrator = try migrator(files, on: database) { $0.batchPages = 2 }
            _ = try await migrator.up { log.add($0) }
            #expect(try await migrator.history().records.last?.rows == 1000)
            let batches = log.all.compactMap { event in
                if case .stepProgress(_, let progress) = event { progress.batches } else { nil }
            }
            // A hundred rows a batch at most, by key; by pages they would have been three batches.
            #expect(try #require(batches.last) >= 10)
        }
    }

    /// Not with every build of PostgreSQL; Debian's package carries it.
    @Sendable private static func hasForeignTables() async throws -> Bool {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.value(
                    "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'postgres_fdw')"
                )
            }
        }
    }

    @Test(.enabled("needs the extension postgres_fdw", hasForeignTables))
    func `a foreign partition and a view are walked by the columns that the directive names`() async throws {
        try await withDatabase { database in
            let files = [
                "0001_base/up.sql": """
                CREATE TABLE far (id int PRIMARY KEY, n int);
                INSERT INTO far SELECT g, NULL FROM generate_series(1, 300) g;
                CREATE EXTENSION postgres_fdw;
                DO $$ BEGIN
                    EXECUTE format('CREATE SERVER near FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, '
                        || 'dbname %L)', btrim(current_setting('unix_socket_directories'), '"'), current_setting('port'),
                        current_database());
                    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER near OPTIONS (user %L)', current_user);
                END $$;
                CREATE TABLE t (id int, n int) PARTITION BY RANGE (id);
                CREATE TABLE here PARTITION OF t FOR VALUES FROM (301) TO (1000);
                CREATE FOREIGN TABLE away PARTITION OF t DEFAULT SERVER near OPTIONS (table_name 'far');
                INSERT INTO here SELECT g, NULL FROM generate_series(301, 500) g;
                CREATE TABLE under (id int PRIMARY KEY, m int); INSERT INTO under SELECT generate_series(1, 300);
                CREATE VIEW v AS SELECT id, m FROM under WHERE id > 100;
                """,
                "0002_fill/01_t.sql": "-- migrate: backfill table=t by=id\nUPDATE t SET n = id WHERE n IS NULL",
                "0002_fill/02_v.sql": "-- migrate: backfill table=v by=id\nUPDATE v SET m = id WHERE m IS NULL",
            ]
            let migrator = try migrator(files, on: database) { $0.batchPages = 1 }
            _ = try await migrator.up()
            #expect(try await migrator.history().records.suffix(2).map(\.rows) == [500, 200])
            let done: [Int64] = try await database.connect { connection in
                try await connection.value(
                    """
                    SELECT ARRAY[(SELECT count(*) FROM far WHERE n = id), (SELECT count(*) FROM here WHERE n = id),
                        (SELECT count(*) FROM under WHERE m = id)]
                    """
                )
            }
            #expect(done == [300, 200, 200])
        }
    }

    @Test func `rows that somebody has locked are come back to by their keys`() async throws {
        try await withDatabase { database in
            let base = """
                CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT generate_series(1, 2000);
                """
            _ = try await migrator(["0001_base/up.sql": base], on: database).up()
            let fill = "-- migrate: backfill table=t by=id\nUPDATE t SET n = 7 WHERE n IS NULL"
            let migrator = try migrator(["0001_base/up.sql": base, "0002_fill/up.sql": fill], on: database) {
                $0.batchPages = 2
            }
            try await database.connect { owner in
                try await owner.execute(script: "BEGIN; SELECT FROM t WHERE id IN (5, 1500) FOR UPDATE")
                let run = Task { try await migrator.up() }
                try await waitUntil { try await owner.value("SELECT count(*) FROM t WHERE n = 7") == 1998 }
                #expect(try await owner.value("SELECT jsonb_array_length(skipped) FROM migrate_backfill") == Int32(2))
                try await owner.execute(script: "COMMIT")
                _ = try await run.value
                #expect(try await owner.value("SELECT count(*) FROM t WHERE n IS NULL") == 0)
            }
            #expect(try await migrator.history().records.last?.rows == 2000)
        }
    }

    @Test func `what cannot be walked completely is refused before anything changes`() async throws {
        try await withDatabase { database in
            let base = """
                CREATE TABLE t (id int, n int, m int); INSERT INTO t VALUES (1, NULL, 1), (NULL, NULL, 2);
                CREATE VIEW v AS SELECT * FROM t;
                """
            let refusals = [
                ("v", "public.v has no pages that could be walked, and no primary key"),
                ("v by=id", "v has rows with NULL in id"),
                ("v by=id,gone", "public.v lacks one of the columns to walk by: id, gone"),
            ]
            for (walk, message) in refusals {
                let table = walk.prefix { $0 != " " }
                let fill = "-- migrate: backfill table=\(walk)\nUPDATE \(table) SET n = 1 WHERE n IS NULL"
                let files = ["0001_base/up.sql": base, "0002_fill/up.sql": fill]
                let error = try #require(try await failure(migrator(files, on: database)))
                #expect(error.code == .invalidBackfill)
                #expect(error.message.contains(message))
            }
            let changed: Int = try await database.connect { try await $0.value("SELECT count(n) FROM t") }
            #expect(changed == 0)
        }
    }
}
