import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// CREATE INDEX CONCURRENTLY, cut short while it waits for an old transaction.
@Suite struct InterruptedIndexTests {
    @Test func `an INVALID index is dropped and built again by the next run`() async throws {
        try await Laboratory.with { laboratory in
            let source = try IndexMigration.source()
            try await IndexMigration.prepare(laboratory)
            try await IndexMigration.whileBlocked(laboratory) { _ in
                let run = Task { [migrator = laboratory.migrator(source)] in
                    try await outcome { try await migrator.up() }
                }
                try await laboratory.waitForWaiters(1, event: "virtualxid")
                try await laboratory.connection.execute(
                    script: """
                        SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event = 'virtualxid'
                        """
                )
                guard case .failure(let error) = try await run.value else {
                    Issue.record("the run succeeded")
                    return
                }
                #expect(error.code == .connectionLost)
            }
            let isValid: Bool = try await laboratory.value(
                "SELECT indisvalid FROM pg_index WHERE indexrelid = 'vmm_by_sled'::regclass"
            )
            #expect(!isValid)
            let recorded: String = try await laboratory.value("SELECT outcome FROM migrate_history WHERE version = 2")
            #expect(recorded == "intent")
            _ = try await laboratory.migrator(source).up()
            try await IndexMigration.expectApplied(laboratory)
        }
    }

    @Test func `an index that the server went on building for a runner that died is waited for and recorded`()
        async throws
    {
        try await Laboratory.withProxy { laboratory, proxied, proxy in
            let source = try IndexMigration.source()
            try await IndexMigration.prepare(laboratory)
            try await IndexMigration.whileBlocked(laboratory) { release in
                let first = Task { try await outcome { try await Laboratory.migrator(source, proxied).up() } }
                try await laboratory.waitForWaiters(1, event: "virtualxid")
                // As if the runner were killed: the server notices only when it has something to say.
                proxy.cutAll()
                _ = try await first.value
                let index: UInt32 = try await laboratory.value("SELECT 'vmm_by_sled'::regclass::oid")
                let second = Task { [migrator = laboratory.migrator(source)] in try await migrator.up() }
                try await IndexMigration.waitUntilFound(laboratory)
                try await release()
                _ = try await second.value
                #expect(try await laboratory.value("SELECT 'vmm_by_sled'::regclass::oid") == index)
            }
            try await IndexMigration.expectApplied(laboratory)
        }
    }
}

/// A migration whose second version builds an index outside a transaction.
enum IndexMigration {
    static func source() throws -> MigrationSource {
        try MigrationSource(files: [
            "0001_table/up.sql": "CREATE TABLE vmm (id int PRIMARY KEY, sled int)",
            "0002_index/up.sql":
                "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS vmm_by_sled ON vmm (sled);",
        ])
    }

    static func prepare(_ laboratory: Laboratory) async throws {
        _ = try await laboratory.migrator(source()).up(to: .version(try #require(MigrationVersion(1))))
        try await laboratory.connection.execute(
            script: "INSERT INTO vmm SELECT n, n % 9 FROM generate_series(1, 1000) n"
        )
    }

    /// Runs `body` while a transaction that has written to the table keeps the build waiting, until it is released.
    static func whileBlocked(
        _ laboratory: Laboratory,
        _ body: (_ release: () async throws -> Void) async throws -> Void
    ) async throws {
        try await PostgresConnection.withConnection(to: laboratory.configuration) { blocker in
            try await blocker.execute(script: "BEGIN; UPDATE vmm SET sled = 0 WHERE id = 1")
            try await body { _ = try await blocker.execute(script: "COMMIT") }
        }
    }

    /// Until the next runner has come upon the index that is being built: it looks at it, or queues to remove it.
    static func waitUntilFound(_ laboratory: Laboratory) async throws {
        try await laboratory.waitUntil(
            """
            SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                AND (wait_event = 'relation' OR query LIKE '%pg_stat_progress_create_index%'))
            """
        )
    }

    static func expectApplied(_ laboratory: Laboratory) async throws {
        let indexes: [Bool] = try await laboratory.connection.query(
            "SELECT indisvalid AND indisready FROM pg_index WHERE indrelid = 'vmm'::regclass AND NOT indisprimary"
        ).map { try $0.decode(at: 0) }
        #expect(indexes == [true])
        let outcomes: [String] = try await laboratory.connection.query(
            "SELECT outcome FROM migrate_history WHERE version = 2"
        ).map { try $0.decode(at: 0) }
        #expect(outcomes == ["applied"])
    }
}
