import Postgres
import Testing
import VMMDatastore
import VMMModel

@Suite struct `Concurrent updates of one VMM` {
    /// Starts an update that waits for a writer of another session, lets that writer commit, and returns the outcome.
    private func outcome(
        in harness: DatastoreHarness,
        of update: VMMRuntimeState,
        _ vmm: VMM,
        behind writer: PostgresQuery
    ) async throws -> UpdateOutcome<VMM> {
        try await harness.pool.withConnection { connection in
            try await connection.execute(script: "BEGIN")
            try await connection.query(writer)
            async let waiting = harness.datastore.updateRuntime(of: vmm.id, to: update)
            try await harness.waitForBlockedSession()
            try await connection.execute(script: "COMMIT")
            return try await waiting
        }
    }

    @Test func `an update that waited for a newer one is stale, and shows that newer row`() async throws {
        try await DatastoreHarness.run { harness in
            var vmm = try await harness.insert(.running)
            let newer = try Sample.runtime(.failed(.sledOff), 5, at: 5)
            let late = try Sample.runtime(.stopped, 4)
            let outcome = try await outcome(in: harness, of: late, vmm, behind: .writing(newer, to: vmm.id))
            vmm.runtime = newer
            #expect(outcome == .stale(now: vmm))
            #expect(try await harness.datastore.fetchVMM(vmm.id) == vmm)
        }
    }

    @Test func `an update that waited for an older one follows it, and shows that older row`() async throws {
        try await DatastoreHarness.run { harness in
            var vmm = try await harness.insert(.running)
            let older = try Sample.runtime(.failed(.sledOff), 2, at: 5)
            let newest = try Sample.runtime(.stopped, 3)
            let outcome = try await outcome(in: harness, of: newest, vmm, behind: .writing(older, to: vmm.id))
            vmm.runtime = older
            #expect(outcome == .updated(before: vmm))
            #expect(try await harness.datastore.fetchVMM(vmm.id).runtime == newest)
            #expect(try await harness.storedState(of: vmm.id).reason == nil)
        }
    }

    @Test func `an update that waited for the same one is already applied`() async throws {
        try await DatastoreHarness.run { harness in
            var vmm = try await harness.insert(.running)
            let same = try Sample.runtime(.stopped, 2)
            let outcome = try await outcome(in: harness, of: same, vmm, behind: .writing(same, to: vmm.id))
            vmm.runtime = same
            #expect(outcome == .alreadyApplied(now: vmm))
        }
    }

    @Test func `an update that waited for a deletion finds the VMM deleted`() async throws {
        try await DatastoreHarness.run { harness in
            var vmm = try await harness.insert(.destroyed)
            let time = try Sample.time(77)
            let outcome = try await outcome(
                in: harness,
                of: try Sample.runtime(.running, 2),
                vmm,
                behind: "UPDATE vmm SET time_deleted = \(time) WHERE id = \(vmm.id)"
            )
            vmm.timeDeleted = time
            #expect(outcome == .deleted(now: vmm))
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `racing writers form one chain of generations`(seed: UInt64) async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running)
            let writes = try await race(harness, vmm, writers: 12, updatesEach: 25, seed: seed)

            // Every update that was made, in the order of generations, begins where the one before it ended.
            var current = vmm
            var chain: Set<VMMRuntimeState> = [vmm.runtime]
            for (written, outcome) in writes.sorted(by: { $0.written.generation < $1.written.generation }) {
                guard case .updated(let before) = outcome else { continue }
                #expect(before == current)
                #expect(before.runtime.generation < written.generation)
                current.runtime = written
                chain.insert(written)
            }
            #expect(try await harness.datastore.fetchVMM(vmm.id) == current)
            #expect(current.runtime.generation == writes.map(\.written.generation).max())

            for (written, outcome) in writes {
                #expect(chain.contains(outcome.row.runtime))
                switch outcome {
                case .updated: break
                case .alreadyApplied(let now): #expect(now.runtime == written)
                case .stale(let now):
                    #expect(now.runtime != written)
                    #expect(now.runtime.generation >= written.generation)
                case .deleted: Issue.record("nobody deletes here")
                }
            }
        }
    }

    private typealias Write = (written: VMMRuntimeState, outcome: UpdateOutcome<VMM>)

    private func race(
        _ harness: DatastoreHarness,
        _ vmm: VMM,
        writers: Int,
        updatesEach: Int,
        seed: UInt64
    ) async throws -> [Write] {
        try await withThrowingTaskGroup(of: [Write].self) { group in
            for writer in 0..<writers {
                group.addTask {
                    var random = SplitMix64(state: seed &* 1_000 &+ UInt64(writer))
                    var writes: [Write] = []
                    for _ in 0..<updatesEach {
                        // Few times, so that some writes of one generation are equal and others differ.
                        let runtime = try Sample.runtime(
                            Sample.everyState.randomElement(using: &random) ?? .running,
                            Int64.random(in: 1...200, using: &random),
                            at: Int64.random(in: 0...1, using: &random)
                        )
                        // Each write twice: the second is what a retry after a lost answer would send.
                        for _ in 0..<2 {
                            writes.append((runtime, try await harness.datastore.updateRuntime(of: vmm.id, to: runtime)))
                        }
                    }
                    return writes
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }
}

extension PostgresQuery {
    /// What another service would send.
    static func writing(_ runtime: VMMRuntimeState, to id: VMMID) -> PostgresQuery {
        """
        UPDATE vmm SET state = \(runtime.state.kind), failure_reason = \(runtime.state.failureReason),
          state_generation = \(runtime.generation), time_state_updated = \(runtime.timeUpdated)
        WHERE id = \(id)
        """
    }
}

/// A small generator whose sequence follows from its seed, so that a failing test can be run again.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
