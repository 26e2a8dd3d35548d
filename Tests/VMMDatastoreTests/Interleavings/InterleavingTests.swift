import Postgres
import TestSupport
import Testing
import VMMDatastore
import VMMModel

/// Writers on connections of their own, with generations from stale reads, retries after lost answers and deletions in
/// between; what they were told is held against what triggers logged.
@Suite struct `Random interleavings of writers` {
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func `leave histories that can have been`(seed: UInt64) async throws {
        try await DatastoreHarness.run { harness in
            try await harness.logVersions()
            let world = try await InterleavedWorld(harness)
            let recorder = HistoryRecorder()
            try await harness.withBreakingPool(seed: seed) { pool in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<6 {
                        group.addTask {
                            var writer = InterleavedWriter(Datastore(pool), world, recorder, number, seed: seed)
                            try await writer.write(times: 50)
                        }
                    }
                    try await group.waitForAll()
                }
            }
            for history in try await world.histories(recorder, harness) {
                #expect(!history.calls.isEmpty, "\(history.row)")
                if let report = history.report { Issue.record("seed \(seed)\n\(report)") }
            }
            // Writers go on until this is so: without it, nothing was shown about lost answers.
            #expect(recorder.confirmedLosses >= InterleavedWriter.leastLosses)
        }
    }
}

/// The rows that the writers share.
struct InterleavedWorld: Sendable {
    let vmms: [VMMID]
    let instances: [InstanceID]
    /// From the first VMM to the second.
    let liveMigration: LiveMigrationID

    init(_ site: some DatastoreSite) async throws {
        var vmms: [VMMID] = []
        var instances: [InstanceID] = []
        for _ in 0..<3 { vmms.append(try await site.insert(.running).id) }
        for _ in 0..<2 {
            let instance = Sample.instanceRow()
            try await site.insertInstance(instance)
            instances.append(instance.id)
        }
        let liveMigration = LiveMigration.new(instanceID: instances[0], from: vmms[0], to: vmms[1])
        _ = try await site.datastore.insert(liveMigration)
        (self.vmms, self.instances, self.liveMigration) = (vmms, instances, liveMigration.id)
    }

    func part(_ id: VMMID) -> GuardedPart { GuardedPart("vmm", id) }
    func part(_ id: InstanceID) -> GuardedPart { GuardedPart("instance", id) }
    func part(_ side: LiveMigrationSide) -> GuardedPart { GuardedPart("\(side) of", liveMigration) }

    /// The VMM that a side is.
    func vmm(_ side: LiveMigrationSide) -> VMMID { side == .source ? vmms[0] : vmms[1] }

    /// What happened to each guarded part.
    func histories(_ recorder: HistoryRecorder, _ site: some DatastoreSite) async throws -> [RowHistory] {
        var logs: [(GuardedPart, [RowVersion])] = []
        for id in vmms { logs.append((part(id), try await site.versions(of: id))) }
        for id in instances { logs.append((part(id), try await site.versions(of: id))) }
        for side in LiveMigrationSide.allCases {
            logs.append((part(side), try await site.versions(of: side, of: liveMigration)))
        }
        return logs.map { part, versions in
            RowHistory(row: part.description, versions: versions, calls: recorder.calls(of: part))
        }
    }
}

extension DatastoreHarness {
    /// Lends a pool whose connections break again and again, before a request reaches the server or after it was
    /// answered.
    fileprivate func withBreakingPool(seed: UInt64, _ body: (PostgresPool) async throws -> Void) async throws {
        try await CuttingProxy.with(database) { proxy, string in
            let breaker = Task {
                var random = SplitMix64(state: seed)
                while !Task.isCancelled {
                    let side = CuttingProxy.Side.allCases.randomElement(using: &random) ?? .after
                    proxy.cut(side, .request(Int.random(in: 1...25, using: &random)))
                    while !proxy.hasCut, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(1)) }
                }
            }
            let pool = PostgresPool(try PostgresConfiguration(string), maximumConnections: 8)
            let result: Result<Void, any Error>
            do { result = .success(try await body(pool)) } catch { result = .failure(error) }
            breaker.cancel()
            await pool.shutDown()
            try result.get()
        }
    }
}
