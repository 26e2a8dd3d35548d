import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Ten runners at once, some of them through a pooler in transaction mode.
@Suite struct TenRunnersTests {
    private static let files = [
        "0001_first/01_table.sql": "CREATE TABLE mark (id int)",
        "0001_first/02_mark.sql": "INSERT INTO mark SELECT generate_series(1, 1000)",
        "0002_second/01_index.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY mark_id ON mark (id);",
        "0002_second/02_backfill.sql":
            "-- migrate: backfill table=mark\nUPDATE mark SET id = -id WHERE id > 0;",
        "0002_second/03_mark.sql": "INSERT INTO mark VALUES (2)",
    ]

    @Test(.enabled(if: PgBouncer.program != nil, "needs the package pgbouncer"))
    func `ten runners, four of them through a pooler, apply each step exactly once, and all succeed`() async throws {
        let rounds = FaultRun.rounds(3, full: 200)
        let source = try MigrationSource(files: Self.files)
        var random = FaultRun.random("runners")
        try await Laboratory.with { laboratory in
            try await PgBouncer.with(laboratory.database, poolSize: 20) { pooled in
                for round in 1...rounds {
                    try await laboratory.reset()
                    let places = (0..<10).map { number in
                        (
                            configuration: number < 4 ? pooled.configuration : laboratory.configuration,
                            delay: Duration.microseconds(Int.random(in: 0..<100_000, using: &random))
                        )
                    }
                    let applied = try await withThrowingTaskGroup(of: [StepIdentity].self) { group in
                        for place in places {
                            group.addTask {
                                try await Task.sleep(for: place.delay)
                                return try await Laboratory.migrator(source, place.configuration).up().steps
                            }
                        }
                        return try await group.reduce(into: []) { $0 += $1 }
                    }
                    #expect(applied.count == 5, "round \(round)")
                    #expect(Set(applied).count == 5, "round \(round)")
                    try await expectOnce(laboratory, round)
                }
            }
        }
        FaultRun.tell(
            "ten runners at once, an index build among the steps, four through PgBouncer",
            "\(rounds) rounds (seed \(FaultRun.seed)): every runner succeeded, each step was applied once"
        )
    }

    /// A step that ran twice would show in the rows, in the history or as a second index.
    private func expectOnce(_ laboratory: Laboratory, _ round: Int) async throws {
        let sum: Int64 = try await laboratory.value("SELECT sum(id)::int8 + count(*) FROM mark")
        #expect(sum == -500_500 + 2 + 1001, "round \(round)")
        let lines: Int64 = try await laboratory.value("SELECT count(*) FROM migrate_history WHERE outcome = 'applied'")
        #expect(lines == 5, "round \(round)")
        let indexes: [Bool] = try await laboratory.connection.query(
            "SELECT indisvalid FROM pg_index WHERE indrelid = 'mark'::regclass"
        ).map { try $0.decode(at: 0) }
        #expect(indexes == [true], "round \(round)")
    }
}
