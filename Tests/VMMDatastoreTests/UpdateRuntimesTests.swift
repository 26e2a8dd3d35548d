import Postgres
import Testing
import VMMDatastore
import VMMModel

@Suite struct `Updating many runtime states` {
    private typealias Update = (id: VMMID, runtime: VMMRuntimeState)

    @Test func `each update has its outcome, in the order of the updates`() async throws {
        try await DatastoreHarness.run { harness in
            let running = try await harness.insert(.running, generation: 2)
            let newer = try await harness.insert(.stopped, generation: 9)
            let same = try await harness.insert(.failed(.sledOff), generation: 4)
            let deleted = try await harness.insert(.destroyed, deletedAt: try Sample.time(1))
            let missing = VMMID()
            let three = try Sample.runtime(.failed(.sledExpunged), 3)
            let outcomes = try await harness.datastore.updateRuntimes([
                (deleted.id, three), (running.id, three), (missing, three), (same.id, same.runtime), (newer.id, three),
            ])
            #expect(try outcomes[0].get() == .deleted(now: deleted))
            #expect(try outcomes[1].get() == .updated(before: running))
            #expect(outcomes[2].failure?.code == .notFound)
            #expect(outcomes[2].failure?.id == missing.uuid)
            #expect(try outcomes[3].get() == .alreadyApplied(now: same))
            #expect(try outcomes[4].get() == .stale(now: newer))
            #expect(outcomes.count == 5)
            #expect(try await harness.datastore.fetchVMM(running.id).runtime == three)
            #expect(try await harness.datastore.updateRuntimes([]).isEmpty)
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `the result is that of single updates, one after the other`(seed: UInt64) async throws {
        try await DatastoreHarness.run { harness in
            var random = SplitMix64(state: seed)
            var pairs: [(VMM, VMM)] = []
            for state in Sample.everyState {
                let deletedAt = state == .sagaUnwound ? try Sample.time(1) : nil
                pairs.append(
                    (
                        try await harness.insert(state, generation: 3, deletedAt: deletedAt),
                        try await harness.insert(state, generation: 3, deletedAt: deletedAt)
                    )
                )
            }
            var together: [Update] = []
            var expected: [UpdateOutcome<VMM>] = []
            for _ in 0..<150 {
                let (one, other) = try #require(pairs.randomElement(using: &random))
                let runtime = try Sample.runtime(
                    try #require(Sample.everyState.randomElement(using: &random)),
                    Int64.random(in: 1...7, using: &random),
                    at: Int64.random(in: 0...1, using: &random)
                )
                together.append((one.id, runtime))
                expected.append(try await harness.datastore.updateRuntime(of: other.id, to: runtime))
            }
            let outcomes = try await harness.datastore.updateRuntimes(together)
            for (outcome, wanted) in zip(outcomes, expected) {
                #expect(try outcome.get().shape == wanted.shape)
            }
            for (one, other) in pairs {
                let (written, wanted) = (
                    try await harness.datastore.fetchVMM(one.id, includingDeleted: true),
                    try await harness.datastore.fetchVMM(other.id, includingDeleted: true)
                )
                #expect(written.runtime == wanted.runtime)
            }
        }
    }

    @Test func `rows that the database refuses are named, and do not keep the others from being written`() async throws
    {
        try await DatastoreHarness.run { harness in
            var vmms: [VMM] = []
            for _ in 0..<40 { vmms.append(try await harness.insert(.running)) }
            let refused = [vmms[3], vmms[17], vmms[18]]
            try await harness.execute(
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  IF NEW.state = 'rebooting' THEN RAISE EXCEPTION 'no reboots today'; END IF;
                  RETURN NEW;
                END $$;
                CREATE TRIGGER refuse BEFORE UPDATE ON vmm FOR EACH ROW EXECUTE FUNCTION refuse();
                """
            )
            let bad = try Sample.runtime(.rebooting, 3)
            let good = try Sample.runtime(.stopping, 2)
            // The refused ones occur twice: their first updates are fine.
            var updates: [Update] = vmms.map { ($0.id, good) }
            updates += refused.map { ($0.id, bad) }
            let outcomes = try await harness.datastore.updateRuntimes(updates)
            for (vmm, outcome) in zip(vmms, outcomes) { #expect(try outcome.get() == .updated(before: vmm)) }
            for (vmm, outcome) in zip(refused, outcomes.dropFirst(vmms.count)) {
                let error = outcome.failure
                #expect(error?.code == .refused)
                #expect(error?.id == vmm.id.uuid)
                #expect(error?.description.contains(vmm.id.description) == true)
                #expect(error?.cause?.server?.message == "no reboots today")
            }
            for vmm in vmms { #expect(try await harness.datastore.fetchVMM(vmm.id).runtime == good) }
        }
    }

    @Test func `a row that cannot be read is named, and says whether it was replaced`() async throws {
        try await DatastoreHarness.run { harness in
            let (broken, fine) = (try await harness.insert(.running), try await harness.insert(.running))
            try await harness.dropGuards()
            try await harness.execute("UPDATE vmm SET failure_reason = 'sled_off' WHERE id = '\(broken.id)'")
            let (two, three) = (try Sample.runtime(.stopping, 2), try Sample.runtime(.stopped, 3))
            let outcomes = try await harness.datastore.updateRuntimes([
                (broken.id, two), (broken.id, three), (fine.id, two),
            ])
            #expect(outcomes[0].failure?.code == .invalidRow)
            #expect(outcomes[0].failure?.wasApplied == false)
            #expect(outcomes[1].failure?.wasApplied == true)
            #expect(outcomes[1].failure?.id == broken.id.uuid)
            #expect(try outcomes[2].get() == .updated(before: fine))
            #expect(try await harness.datastore.fetchVMM(broken.id).runtime == three)
        }
    }

    @Test func `thousands are one statement, and batches that overlap do not stop each other`() async throws {
        try await DatastoreHarness.run { harness in
            try await harness.execute(
                """
                INSERT INTO vmm (id, time_created, instance_id, time_state_updated, state_generation, sled_id,
                  propolis_ip, state, cpu_platform)
                SELECT md5(n::text)::uuid, now(), md5('i')::uuid, now(), 1, md5('s')::uuid, '::1', 'running', 'amd_milan'
                FROM generate_series(1, 2000) AS n;
                CREATE TABLE statements (n int);
                CREATE FUNCTION count_statement() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN INSERT INTO statements VALUES (1); RETURN NULL; END $$;
                CREATE TRIGGER count_statement AFTER UPDATE ON vmm EXECUTE FUNCTION count_statement();
                """
            )
            let ids = try await harness.datastore.vmms(limit: 2_000).map(\.id)
            let batches = try (1...4 as ClosedRange<Int64>).map { generation in
                let runtime = try Sample.runtime(.stopped, generation + 1)
                return (generation.isMultiple(of: 2) ? ids : ids.reversed()).map { (id: $0, runtime: runtime) }
            }
            let applied = try await withThrowingTaskGroup(of: Int.self) { group in
                for batch in batches {
                    group.addTask {
                        let outcomes = try await harness.datastore.updateRuntimes(batch)
                        return try outcomes.count { if case .updated = try $0.get() { true } else { false } }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(applied >= ids.count)
            let count = try await harness.pool.query("SELECT count(*) FROM statements").one().decode(Int.self)
            #expect(count == 4)
            let last = try await harness.pool.query("SELECT count(*) FROM vmm WHERE state_generation = 5")
            #expect(try last.one().decode(Int.self) == ids.count)
        }
    }
}

extension Result where Failure == DatastoreError {
    var failure: DatastoreError? {
        if case .failure(let error) = self { error } else { nil }
    }
}

extension UpdateOutcome<VMM> {
    /// Which outcome, with which runtime state.
    fileprivate var shape: String {
        switch self {
        case .updated: "updated \(row.runtime)"
        case .alreadyApplied: "already applied \(row.runtime)"
        case .stale: "stale \(row.runtime)"
        case .deleted: "deleted \(row.runtime)"
        }
    }
}
