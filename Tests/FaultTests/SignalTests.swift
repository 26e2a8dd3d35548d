import Foundation
import Glibc
import Postgres
import SchemaMigrations
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// SIGTERM, in each kind of step, to the program `migrate`.
@Suite struct SignalTests {
    struct Case: CustomTestStringConvertible {
        let testDescription: String
        let step: String
        /// What keeps the step from its end.
        let gate: String
        /// True once the step is at the gate.
        let isThere: String
    }

    static let cases = [
        Case(
            testDescription: "transaction",
            step: "-- migrate: lock-timeout=5min\nSELECT pg_advisory_xact_lock(42); CREATE TABLE made (id int)",
            gate: "SELECT pg_advisory_xact_lock(42)",
            isThere: "wait_event = 'advisory'"
        ),
        Case(
            testDescription: "no-transaction",
            step: "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY t_n ON t (n)",
            gate: "UPDATE t SET pad = '' WHERE id = 1",
            isThere: "wait_event = 'virtualxid'"
        ),
        Case(
            testDescription: "backfill",
            step: "-- migrate: backfill table=t\nUPDATE t SET n = pg_sleep(0.01) IS NULL WHERE n IS NULL",
            gate: "SELECT 1",
            isThere: "wait_event = 'PgSleep'"
        ),
    ]

    @Test(arguments: cases)
    func `a run that is told to end does so with 10, leaves nothing half done, and goes on later`(_ each: Case)
        async throws
    {
        try await Laboratory.with { laboratory in
            let files = [
                "0001_base/up.sql": """
                CREATE TABLE t (id int PRIMARY KEY, n boolean, pad text);
                INSERT INTO t SELECT g, NULL, repeat('x', 200) FROM generate_series(1, 3000) g;
                """,
                "0002_step/up.sql": each.step,
            ]
            let source = try MigrationSource(files: files)
            _ = try await laboratory.migrator(source).up(to: .version(try #require(MigrationVersion(1))))
            try await PostgresConnection.withConnection(to: laboratory.configuration) { holder in
                try await holder.execute(script: "BEGIN; \(each.gate)")
                let status = try await run(files, laboratory, endedWhen: each.isThere)
                #expect(status == .exited(10))
                try await holder.execute(script: "ROLLBACK")
            }
            let applied: Int64 = try await laboratory.value(
                "SELECT count(*) FROM migrate_history WHERE version = 2 AND outcome = 'applied'"
            )
            #expect(applied == 0)
            let ended: String = try await laboratory.value("SELECT outcome FROM migrate_attempt WHERE version = 2")
            #expect(ended == "interrupted")
            if each.testDescription != "backfill" {
                _ = try await laboratory.migrator(source).up()
                let invalid: Int64 = try await laboratory.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
                #expect(invalid == 0)
                #expect(try await laboratory.migrator(source).status().state == .upToDate)
            }
        }
    }

    private func run(
        _ files: [String: String],
        _ laboratory: Laboratory,
        endedWhen condition: String
    ) async throws -> TerminationStatus {
        let folder = FileManager.default.temporaryDirectory.appending(path: "signal-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (path, text) in files {
            let file = folder.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: file)
        }
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(filePath: tests).deletingLastPathComponent().appending(path: "migrate").path()
        return try await Subprocess.run(
            .path(FilePath(program)),
            arguments: [
                "up", "--quiet", "--migrations", folder.path(), "--database-url", laboratory.database.connectionString,
            ],
            input: .none,
            output: .discarded,
            error: .discarded
        ) { execution in
            try await laboratory.waitUntil(
                """
                SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND \(unsafeSQL: condition))
                """
            )
            kill(execution.processIdentifier.value, SIGTERM)
        }.terminationStatus
    }
}
