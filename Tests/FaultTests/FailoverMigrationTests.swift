import EphemeralPostgres
import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// The primary goes in the backfill of the flagship migration.
@Suite struct FailoverMigrationTests {
    private static let rows = 20_000

    @Test func `a backfill goes on at the promoted standby and ends in the same schema and rows`() async throws {
        try await StandbyPair.with(isSynchronous: true) { pair in
            try await Self.failOver(
                configuration: { try pair.configuration(database: $0) },
                fault: { try await pair.failOver() }
            )
        }
        FaultRun.tell(
            "kill -9 of the primary in a backfill, its synchronous standby promoted",
            "the run was broken off; run again with the same string, it ended in the same schema and rows"
        )
    }

    @Test(
        .enabled(
            if: FaultRun.isFull && PatroniCluster.isInstalled,
            "runs with scripts/test --faults, needs the packages patroni and etcd-server"
        )
    )
    func `a backfill goes on at the leader that Patroni elects and ends in the same schema and rows`() async throws {
        try await PatroniCluster.with { cluster in
            let leader = try await cluster.leader()
            try await Self.failOver(
                configuration: { try cluster.configuration(database: $0) },
                fault: {
                    try cluster.kill(leader)
                    try await cluster.waitForLeader(otherThan: leader)
                }
            )
        }
        FaultRun.tell(
            "Patroni: kill -9 of the leader in a backfill",
            "the run was broken off; run again with the same string, it ended in the same schema and rows"
        )
    }

    /// Runs through the flagship migration in one database undisturbed, in another with the fault in its backfill.
    static func failOver(
        configuration: (_ database: String) throws -> PostgresConfiguration,
        fault: @escaping @Sendable () async throws -> Void
    ) async throws {
        let source = try Laboratory.source(rows: rows)
        try await PostgresConnection.withConnection(to: configuration("postgres")) { connection in
            for name in ["expected", "moved"] { try await connection.query("CREATE DATABASE \(identifier: name)") }
        }
        let expected = try configuration("expected")
        try await up(source, expected)
        let moved = try configuration("moved")
        let failover = FaultInBackfill(fault)
        let attempt = try await outcome {
            try await Laboratory.migrator(source, moved, batchPages: 1).up(to: version2()) { failover.see($0) }
        }
        guard case .failure(let error) = attempt else {
            Issue.record("the run did not notice that the primary went")
            return
        }
        #expect([.connectionLost, .cannotConnect].contains(error.code), "\(error)")
        try await failover.wait()
        let pages: Int64 = try await PostgresConnection.withConnection(to: moved) { connection in
            try await connection.query("SELECT next_page FROM migrate_backfill").one().decode(at: 0)
        }
        #expect(pages > 0, "the batches that were committed are on the new primary")
        try await up(source, moved)
        #expect(try await DatabaseState.read(moved) == DatabaseState.read(expected))
    }

    private static func up(_ source: MigrationSource, _ database: PostgresConfiguration) async throws {
        _ = try await Laboratory.migrator(source, database).up(to: version2())
    }

    private static func version2() throws -> MigrationTarget {
        .version(try #require(MigrationVersion(2)))
    }
}
