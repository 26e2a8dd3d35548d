import Foundation
import Glibc
import Postgres
import SchemaMigrations
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// A long backfill by the program `migrate`, killed again and again.
@Suite struct KilledBackfillTests {
    private static let rows: Int64 = 100_000
    private static let kills = 20
    /// What a batch holds at most: it begins with 64 pages, each with at most so many of these rows.
    private static let rowsPerBatch: Int64 = 64 * 40

    /// Counts every change of a row in a sequence, which a rollback does not take back.
    ///
    /// A batch holds when the run is two ahead of what is `allowed`: on a busy machine, this process sees that a batch is
    /// committed so late that a few runs would do all the work.
    private static let files = [
        "0001_base/up.sql": """
        CREATE TABLE t (id int PRIMARY KEY, n int, pad text);
        INSERT INTO t SELECT g, NULL, repeat('x', 180) FROM generate_series(1, \(rows)) g;
        CREATE SEQUENCE touched;
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM nextval(''touched''); RETURN NEW; END';
        CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE SEQUENCE allowed;
        CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF (SELECT max(batches) FROM migrate_backfill) > (SELECT last_value FROM allowed) + 2
            THEN PERFORM pg_sleep(600); END IF;
            RETURN NULL; END $$;
        CREATE TRIGGER hold BEFORE UPDATE ON t FOR EACH STATEMENT EXECUTE FUNCTION hold();
        """,
        "0002_fill/up.sql": "-- migrate: backfill table=t\nUPDATE t SET n = id WHERE n IS NULL\n",
    ]

    @Test func `a backfill killed twenty times ends with the same rows, and repeats at most one batch a kill`()
        async throws
    {
        try await Laboratory.with { laboratory in
            let folder = FileManager.default.temporaryDirectory.appending(path: "killed-\(getpid())")
            defer { try? FileManager.default.removeItem(at: folder) }
            try write(to: folder)
            var batches: Int64 = 0
            for _ in 1...Self.kills {
                batches = try await runUntilKilled(laboratory, folder.path(), after: batches)
                try await laboratory.connection.query("SELECT setval('allowed', \(batches + 1))")
            }
            try await laboratory.connection.query("SELECT setval('allowed', 1000000)")
            let source = try MigrationSource.load(from: folder.path())
            _ = try await laboratory.migrator(source).up()
            let wrong: Int64 = try await laboratory.value("SELECT count(*) FROM t WHERE n IS DISTINCT FROM id")
            #expect(wrong == 0)
            let counted: Int64 = try await laboratory.value("SELECT rows FROM migrate_history WHERE version = 2")
            #expect(counted == Self.rows)
            let touched: Int64 = try await laboratory.value("SELECT last_value FROM touched")
            #expect(touched <= Self.rows + Int64(Self.kills) * Self.rowsPerBatch)
            let attempts = try await laboratory.migrator(source).attempts()
            #expect(attempts.count { $0.outcome == .abandoned } == Self.kills)
        }
    }

    private func write(to folder: URL) throws {
        for (path, text) in Self.files {
            let file = folder.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: file)
        }
    }

    /// Runs the program, and kills it once it has committed a batch more than there were.
    private func runUntilKilled(_ laboratory: Laboratory, _ folder: String, after batches: Int64) async throws -> Int64
    {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(filePath: tests).deletingLastPathComponent().appending(path: "migrate").path()
        let result = try await Subprocess.run(
            .path(FilePath(program)),
            arguments: [
                "up", "--batch-target", "1", "--quiet", "--migrations", folder,
                "--database-url", laboratory.database.connectionString,
            ],
            input: .none,
            output: .discarded,
            error: .discarded
        ) { execution in
            try await laboratory.waitUntil("SELECT to_regclass('migrate_backfill') IS NOT NULL")
            try await laboratory.waitUntil("SELECT coalesce(max(batches), 0) > \(batches) FROM migrate_backfill")
            kill(execution.processIdentifier.value, SIGKILL)
        }
        #expect(result.terminationStatus == .signaled(SIGKILL))
        try await laboratory.connection.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event = 'PgSleep'
            """
        )
        // Its last transaction has ended, one way or the other, before the count is taken.
        try await laboratory.waitUntil(
            """
            SELECT NOT EXISTS (SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend')
            """
        )
        return try await laboratory.value("SELECT coalesce(max(batches), 0) FROM migrate_backfill")
    }
}
