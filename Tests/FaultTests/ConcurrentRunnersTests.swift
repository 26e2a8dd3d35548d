import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Several runners at once: in one process here, in several in ``KilledProcessTests``.
@Suite struct ConcurrentRunnersTests {
    @Test(arguments: [2, 8])
    func `runners at once apply each step exactly once, and all succeed`(_ count: Int) async throws {
        try await Laboratory.with { laboratory in
            // Plain CREATE and INSERT: a step that ran twice would fail or show.
            let source = try MigrationSource(files: [
                "0001_first/01_table.sql": "CREATE TABLE mark (id int)",
                "0001_first/02_mark.sql": "INSERT INTO mark VALUES (1)",
                "0002_second/01_mark.sql": "INSERT INTO mark VALUES (2)",
                "0002_second/02_index.sql":
                    "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY mark_id ON mark (id);",
                "0002_second/03_backfill.sql":
                    "-- migrate: backfill table=mark\nUPDATE mark SET id = id + 10 WHERE id < 10;",
                "0003_third/up.sql": "INSERT INTO mark VALUES (3)",
            ])
            let configuration = laboratory.configuration
            let applied = try await withThrowingTaskGroup(of: [StepIdentity].self) { group in
                for _ in 0..<count {
                    group.addTask { try await Laboratory.migrator(source, configuration).up().steps }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied.count == 6)
            #expect(Set(applied).count == 6)
            let marks: [Int32] = try await laboratory.connection.query("SELECT id FROM mark ORDER BY id")
                .map { try $0.decode(at: 0) }
            #expect(marks == [3, 11, 12])
            let lines: Int64 = try await laboratory.value(
                "SELECT count(*) FROM migrate_history WHERE outcome = 'applied'"
            )
            #expect(lines == 6)
        }
    }
}
