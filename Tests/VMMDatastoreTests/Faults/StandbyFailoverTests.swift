import Postgres
import TestSupport
import Testing
import VMMDatastore
import VMMModel

/// A primary that is killed, and its standby, which is promoted.
@Suite struct StandbyFailoverTests {
    @Test func `with a synchronous standby no acknowledged update is lost`() async throws {
        var rounds: [FailoverRound.Figures] = []
        for round in 0..<FaultRun.rounds(1, full: 3) {
            try await StandbyPair.with(isSynchronous: true) { pair in
                try await FailoverSite.with(pair.configuration(database: "postgres")) { site in
                    let round = FailoverRound(site: site, seed: FaultRun.seed &+ UInt64(round))
                    rounds.append(try await round.run { try await pair.failOver() })
                }
            }
        }
        FaultRun.tell("kill -9 of the primary, its synchronous standby promoted", rounds.description)
    }

    /// What `docs/reliability.md` warns of.
    @Test(arguments: [
        (isSynchronous: false, options: "-c synchronous_commit=on"),
        (isSynchronous: true, options: "-c synchronous_commit=off"),
        (isSynchronous: true, options: "-c synchronous_commit=local"),
    ])
    func `where a commit does not wait for the standby, an acknowledged update can be lost`(
        isSynchronous: Bool,
        options: String
    ) async throws {
        try await StandbyPair.with(isSynchronous: isSynchronous) { pair in
            let configuration = try pair.configuration(database: "postgres", options: options)
            try await FailoverSite.with(configuration) { site in
                let vmm = try await site.insert(.starting)
                try await pair.waitUntilCaughtUp()
                try await pair.freezeReplication()
                let next = try Sample.runtime(.running, 2)
                let outcome = try await site.datastore.updateRuntime(of: vmm.id, to: next)
                #expect(outcome == .updated(before: vmm))
                let call = RowCall(
                    caller: 0,
                    began: 1,
                    ended: 2,
                    .update(generation: 2, contents: next.contents),
                    RowCall.Answer(outcome) { RowVersion($0) }
                )
                try await pair.failOver()
                #expect(try await retrying { try await site.datastore.fetchVMM(vmm.id) } == vmm)
                // The checker that finds no loss with a synchronous standby does find this one.
                let history = RowHistory(row: "vmm", versions: try await site.versions(of: vmm.id), calls: [call])
                #expect(history.violation()?.rule == .exactlyOnce)
            }
        }
    }

    /// The server acknowledges what it has not replicated when the wait for the standby is ended; the same document tells.
    @Test func `a deadline that ends the wait for the standby leaves the outcome unknown, and a failover may undo it`()
        async throws
    {
        try await StandbyPair.with(isSynchronous: true) { pair in
            var configuration = try pair.configuration(database: "postgres")
            try await FailoverSite.with(configuration) { site in
                let vmm = try await site.insert(.starting)
                try await pair.waitUntilCaughtUp()
                try await pair.freezeReplication()
                configuration.queryTimeout = .seconds(1)
                let impatient = PostgresPool(configuration, maximumConnections: 1)
                let next = try Sample.runtime(.running, 2)
                let error = await #expect(throws: PostgresError.self) {
                    try await Datastore(impatient).updateRuntime(of: vmm.id, to: next)
                }
                #expect(error?.code == .commitOutcomeUnknown)
                #expect(error?.mayHaveCommitted == true)
                await impatient.shutDown()
                try await pair.failOver()
                #expect(try await retrying { try await site.datastore.fetchVMM(vmm.id) } == vmm)
            }
        }
    }

    /// The pool hands out a connection to the killed server once; it is the caller who calls again.
    private func retrying<R>(_ body: () async throws -> R) async throws -> R {
        do { return try await body() } catch is PostgresError { return try await body() }
    }
}
