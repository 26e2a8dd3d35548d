import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Backfills of tables that are several, that are rewritten meanwhile, and whose rows others have locked.
@Suite struct BackfillTablesTests {
    @Test func `each partition is walked, and an interrupted run goes on in its partition`() async throws {
        try await withDatabase { database in
            let files = [
                "0001_base/up.sql": """
                CREATE TABLE t (id int PRIMARY KEY, n int, pad text) PARTITION BY RANGE (id);
                CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (1000);
                CREATE SCHEMA other;
                CREATE TABLE other."t 2" (pad text, n int, id int NOT NULL);
                ALTER TABLE t ATTACH PARTITION other."t 2" FOR VALUES FROM (1000) TO (2000);
                CREATE TABLE t_3 PARTITION OF t FOR VALUES FROM (2000) TO (4000) PARTITION BY RANGE (id);
                CREATE TABLE t_3_1 PARTITION OF t_3 DEFAULT;
                CREATE TABLE t_4 PARTITION OF t DEFAULT;
                INSERT INTO t SELECT g, NULL, repeat('x', 200) FROM generate_series(1, 3000) g;
                """,
                "0002_fill/up.sql": "-- migrate: backfill table=t\nUPDATE t AS r SET n = r.id WHERE r.n IS NULL",
            ]
            let migrator = try migrator(files, on: database) { $0.batchPages = 1 }
            let log = EventLog()
            let run = Task {
                try await failure(migrator) { event in
                    log.add(event)
                    if case .stepProgress(_, let progress) = event, progress.rows > 1000 {
                        withUnsafeCurrentTask { $0?.cancel() }
                    }
                }
            }
            let stopped = try await run.value
            _ = try await migrator.up()
            #expect(try await migrator.history().records.last?.rows == 3000)
            let wrong: Int = try await database.connect {
                try await $0.value("SELECT count(*) FROM t WHERE n IS DISTINCT FROM id")
            }
            #expect(wrong == 0)
            #expect(stopped == nil || stopped?.exitCode == .paused)
        }
    }

    @Test func `a partition whose rows are elsewhere is refused by name`() async throws {
        try await withDatabase { database in
            let files = [
                "0001_base/up.sql": """
                CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
                CREATE TABLE t (id int, n int) PARTITION BY RANGE (id);
                CREATE FOREIGN TABLE away PARTITION OF t DEFAULT SERVER far;
                """,
                "0002_fill/up.sql": "-- migrate: backfill table=t\nUPDATE t SET n = 1 WHERE n IS NULL",
            ]
            let error = try #require(try await failure(migrator(files, on: database)))
            #expect(error.code == .invalidBackfill)
            #expect(error.message.contains("public.away"))
        }
    }

    @Test func `a table that is rewritten during the run is walked from its first page again`() async throws {
        try await withDatabase { database in
            // Reads another table, so that nothing but the walk itself finds the rows. The first half of the pages is
            // dead: a rewrite moves the rows that are still to be done to pages that were done already.
            let files = [
                "0001_base/up.sql": """
                CREATE TABLE src (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, n int, pad text);
                INSERT INTO src SELECT generate_series(1, 6000);
                INSERT INTO t SELECT g, NULL, repeat('x', 200) FROM generate_series(1, 6000) g;
                DELETE FROM t WHERE id <= 3000;
                CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS
                    'BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NEW; END';
                CREATE TRIGGER gate BEFORE UPDATE ON t FOR EACH ROW WHEN (OLD.id = 4500) EXECUTE FUNCTION gate();
                """,
                "0002_fill/up.sql":
                    "-- migrate: backfill table=t\nUPDATE t SET n = s.id FROM src s WHERE s.id = t.id AND t.n IS NULL",
            ]
            let migrator = try migrator(files, on: database) { $0.batchPages = 1 }
            let log = EventLog()
            try await database.connect { gate in
                try await gate.execute(script: "SELECT pg_advisory_lock(42)")
                let run = Task { try await migrator.up { log.add($0) } }
                try await waitUntil { !log.retries.isEmpty }
                try await gate.execute(script: "VACUUM FULL t")
                try await gate.execute(script: "SELECT pg_advisory_unlock(42)")
                _ = try await run.value
                #expect(try await gate.value("SELECT count(*) FROM t WHERE n IS DISTINCT FROM id") == 0)
            }
            #expect(try await migrator.history().records.last?.rows == 3000)
        }
    }

    @Test func `a row that somebody has locked keeps only itself waiting, and is come back to`() async throws {
        try await withDatabase { database in
            let files = [
                "0001_base/up.sql": """
                CREATE TABLE t (id int PRIMARY KEY, n int, pad text);
                INSERT INTO t SELECT g, NULL, repeat('x', 200) FROM generate_series(1, 2000) g;
                """,
                "0002_fill/up.sql": "-- migrate: backfill table=t\nUPDATE t SET n = 7 WHERE n IS NULL",
            ]
            _ = try await migrator(files.filter { $0.key.hasPrefix("0001") }, on: database).up()
            let migrator = try migrator(files, on: database) { $0.batchPages = 10 }
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
}
