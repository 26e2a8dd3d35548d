import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Statements outside a transaction, cut short, and what the next run makes of them.
@Suite struct UnfinishedStatementTests {
    @Test func `what a REINDEX that was cut short left behind is removed, and the index is built anew`() async throws {
        try await Laboratory.with { laboratory in
            let files = [
                "0001_table/up.sql":
                    "CREATE TABLE vmm (id int PRIMARY KEY, sled int); CREATE INDEX by_sled ON vmm (sled);"
                    + "INSERT INTO vmm SELECT n, n % 9 FROM generate_series(1, 1000) n",
                "0002_reindex/up.sql": "-- migrate: no-transaction\nREINDEX INDEX CONCURRENTLY by_sled",
            ]
            try await cutShort(files, laboratory, holding: "UPDATE vmm SET sled = 0 WHERE id = 1")
            let leftovers: Int64 = try await laboratory.value(
                "SELECT count(*) FROM pg_index WHERE indrelid = 'vmm'::regclass AND NOT indisvalid"
            )
            #expect(leftovers > 0)
            _ = try await laboratory.migrator(try MigrationSource(files: files)).up()
            let names: [String] = try await laboratory.connection.query(
                """
                SELECT indexrelid::regclass::text FROM pg_index
                WHERE indrelid = 'vmm'::regclass AND indisvalid ORDER BY 1
                """
            ).map { try $0.decode(at: 0) }
            #expect(names == ["by_sled", "vmm_pkey"])
            let all: Int64 = try await laboratory.value(
                "SELECT count(*) FROM pg_index WHERE indrelid = 'vmm'::regclass"
            )
            #expect(all == 2)
        }
    }

    @Test func `a partition that was half detached is detached to the end`() async throws {
        try await Laboratory.with { laboratory in
            let files = [
                "0001_table/up.sql": """
                CREATE TABLE t (id int) PARTITION BY RANGE (id);
                CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10);
                CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (10) TO (20);
                """,
                "0002_detach/up.sql": "-- migrate: no-transaction\nALTER TABLE t DETACH PARTITION t_1 CONCURRENTLY",
            ]
            try await cutShort(files, laboratory, holding: "SELECT FROM t")
            let isPending: Bool = try await laboratory.value(
                "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = 't_1'::regclass"
            )
            #expect(isPending)
            let migrator = laboratory.migrator(try MigrationSource(files: files))
            _ = try await migrator.up()
            let isAttached: Bool = try await laboratory.value(
                "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = 't_1'::regclass)"
            )
            #expect(!isAttached)
            #expect(try await migrator.status().state == .upToDate)
        }
    }

    @Test(arguments: [
        "VACUUM t", "ALTER SYSTEM SET work_mem = '5MB'", "VACUUM (ANALYZE) t", "REINDEX TABLE CONCURRENTLY t",
    ])
    func `what is harmless to repeat is run again when its end was not recorded`(statement: String) async throws {
        try await Laboratory.with { laboratory in
            let files = [
                "0001_table/up.sql": "CREATE TABLE t (id int PRIMARY KEY)",
                "0002_again/up.sql": "-- migrate: no-transaction\n\(statement)",
            ]
            let migrator = laboratory.migrator(try MigrationSource(files: files))
            _ = try await migrator.up()
            try await laboratory.connection.execute(
                script: "UPDATE migrate_history SET outcome = 'intent', finished_at = NULL WHERE version = 2"
            )
            _ = try await migrator.up()
            let outcome: String = try await laboratory.value("SELECT outcome FROM migrate_history WHERE version = 2")
            #expect(outcome == "applied")
            try await laboratory.connection.execute(script: "ALTER SYSTEM RESET work_mem")
        }
    }

    @Test func `IF NOT EXISTS that met an index of another table is not taken for done`() async throws {
        try await Laboratory.with { laboratory in
            let files = [
                "0001_table/up.sql": "CREATE TABLE t (id int); CREATE TABLE u (id int); CREATE INDEX by_id ON u (id)",
                "0002_index/up.sql":
                    "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS by_id ON t (id)",
            ]
            let result = try await outcome {
                try await laboratory.migrator(try MigrationSource(files: files)).up()
            }
            guard case .failure(let error) = result else {
                Issue.record("it was taken for done")
                return
            }
            #expect(error.code == .unsettled)
            #expect(error.exitCode == .needsHuman)
        }
    }

    @Test func `a build tells its phase, and whom it waits for`() async throws {
        try await Laboratory.with { laboratory in
            try await IndexMigration.prepare(laboratory)
            let seen = ProgressLog()
            let migrator = laboratory.migrator(try IndexMigration.source())
            try await IndexMigration.whileBlocked(laboratory) { release in
                let run = Task {
                    try await migrator.up { event in
                        if case .stepServerProgress(_, let progress) = event { seen.add(progress) }
                    }
                }
                for _ in 0..<2400 where seen.waiting == nil {
                    try await Task.sleep(for: .milliseconds(25))
                }
                try await release()
                _ = try await run.value
            }
            let waiting = try #require(seen.waiting)
            #expect(waiting.phase.hasPrefix("waiting for"))
            #expect(waiting.waitingFor?.contains("of role postgres, idle in transaction") == true)
        }
    }

    /// Applies the first version, and ends the server process of the second one's statement while it waits for a
    /// transaction that holds something.
    private func cutShort(_ files: [String: String], _ laboratory: Laboratory, holding statement: String) async throws {
        let source = try MigrationSource(files: files)
        _ = try await laboratory.migrator(source).up(to: .version(try #require(MigrationVersion(1))))
        try await PostgresConnection.withConnection(to: laboratory.configuration) { blocker in
            try await blocker.execute(script: "BEGIN; \(statement)")
            let run = Task { [migrator = laboratory.migrator(source)] in try await outcome { try await migrator.up() } }
            try await laboratory.waitForWaiters(1, event: "virtualxid")
            try await laboratory.connection.execute(
                script: """
                    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event = 'virtualxid'
                    """
            )
            guard case .failure = try await run.value else {
                Issue.record("the run succeeded")
                return
            }
            try await blocker.execute(script: "COMMIT")
        }
    }
}

/// What a server said of its progress.
private final class ProgressLog: Sendable {
    private let all = Lock<[ServerProgress]>([])

    /// The first time that it waited for somebody.
    var waiting: ServerProgress? { all.withLock { $0.first { $0.waitingFor != nil } } }

    func add(_ progress: ServerProgress) {
        all.withLock { $0.append(progress) }
    }
}
