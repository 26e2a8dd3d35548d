import TestSupport
import Testing

/// Three servers under Patroni, in the full run.
@Suite(
    .enabled(
        if: FaultRun.isFull && PatroniCluster.isInstalled,
        "runs with scripts/test --faults, needs the packages patroni and etcd-server"
    )
) struct PatroniFailoverTests {
    private static let rounds = 3

    @Test func `no acknowledged update is lost when the leader is killed, or hands over`() async throws {
        var kills: [FailoverRound.Figures] = []
        var switchovers: [FailoverRound.Figures] = []
        try await PatroniCluster.with { cluster in
            try await FailoverSite.with(cluster.configuration(database: "postgres")) { site in
                for round in 0..<Self.rounds {
                    let round = FailoverRound(site: site, seed: FaultRun.seed &+ UInt64(round))
                    try await cluster.waitUntilWhole()
                    let leader = try await cluster.leader()
                    kills.append(try await round.run { try cluster.kill(leader) })
                    // Not before: within its lease it would be the leader again.
                    try cluster.revive(leader)
                    try await cluster.waitUntilWhole()
                    switchovers.append(try await round.run { try await cluster.switchOver() })
                }
            }
        }
        FaultRun.tell("Patroni: kill -9 of the leader, Patroni and server", kills.description)
        FaultRun.tell("Patroni: switchover", switchovers.description)
    }
}
