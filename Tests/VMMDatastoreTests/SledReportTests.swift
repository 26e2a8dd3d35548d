import Postgres
import Testing
import VMMDatastore
import VMMModel

@Suite struct `Reports of sled-agents` {
    /// A VMM that is the source of one live migration and the target of another.
    private struct Scene {
        let vmm: VMM
        let out: LiveMigration
        let into: LiveMigration
        let datastore: Datastore

        init(_ harness: DatastoreHarness) async throws {
            vmm = try await harness.insert(.migrating, generation: 3)
            out = try await harness.insertMigration(from: vmm.id)
            into = try await harness.insertMigration(to: vmm.id)
            datastore = harness.datastore
        }

        func report(vmm generation: Int64, out outGeneration: Int64?, into intoGeneration: Int64?) throws
            -> SledVMMState
        {
            SledVMMState(
                vmmState: try Sample.runtime(.failed(.fromSledAgent), generation),
                migrationIn: try intoGeneration.map { try `Live migrations`.report(into.id, .completed, $0) },
                migrationOut: try outGeneration.map { try `Live migrations`.report(out.id, .failed, $0) }
            )
        }

        /// Whether VMM, source side and target side hold something else than at first.
        func changes() async throws -> [Bool] {
            [
                try await datastore.fetchVMM(vmm.id, includingDeleted: true).runtime != vmm.runtime,
                try await datastore.fetchLiveMigration(out.id, includingDeleted: true).source != out.source,
                try await datastore.fetchLiveMigration(into.id, includingDeleted: true).target != into.target,
            ]
        }
    }

    @Test(arguments: [3, 4] as [Int64], [nil, 1, 2] as [Int64?])
    func `fresh parts are written and stale ones are not, each by itself`(vmm: Int64, out: Int64?) async throws {
        try await DatastoreHarness.run { harness in
            for into: Int64? in [nil, 1, 2] {
                let scene = try await Scene(harness)
                let report = try scene.report(vmm: vmm, out: out, into: into)
                let outcome = try await scene.datastore.updateRuntime(of: scene.vmm.id, to: report)
                #expect(outcome.vmm == (vmm == 4 ? .updated(before: scene.vmm) : .stale(now: scene.vmm)))
                let ofOut: UpdateOutcome<LiveMigration> =
                    out == 2 ? .updated(before: scene.out) : .stale(now: scene.out)
                let ofInto: UpdateOutcome<LiveMigration> =
                    into == 2 ? .updated(before: scene.into) : .stale(now: scene.into)
                #expect(outcome.migrationOut == out.map { _ in ofOut })
                #expect(outcome.migrationIn == into.map { _ in ofInto })
                #expect(try await scene.changes() == [vmm == 4, out == 2, into == 2])
                let again = try await scene.datastore.updateRuntime(of: scene.vmm.id, to: report)
                #expect(again.vmm.isApplied == (vmm == 4))
            }
        }
    }

    @Test func `a VMM that is deleted does not keep live migrations from being written`() async throws {
        try await DatastoreHarness.run { harness in
            let scene = try await Scene(harness)
            try await harness.pool.query("UPDATE vmm SET time_deleted = now() WHERE id = \(scene.vmm.id)")
            let report = try scene.report(vmm: 4, out: 2, into: 2)
            let outcome = try await scene.datastore.updateRuntime(of: scene.vmm.id, to: report)
            guard case .deleted = outcome.vmm else {
                Issue.record("unexpected \(outcome.vmm)")
                return
            }
            #expect(try await scene.changes() == [false, true, true])
        }
    }

    @Test func `a report that cannot be is refused as a whole`() async throws {
        try await DatastoreHarness.run { harness in
            let scene = try await Scene(harness)
            let gone = try await Scene(harness)
            _ = try await harness.datastore.markDeleted(gone.into.id)
            let good = try scene.report(vmm: 4, out: 2, into: 2)
            var missing = good
            missing.migrationIn?.liveMigrationID = LiveMigrationID()
            var foreign = good
            foreign.migrationIn?.liveMigrationID = try await harness.insertMigration().id
            var swapped = good
            swapped.migrationIn?.liveMigrationID = scene.out.id
            swapped.migrationOut?.liveMigrationID = scene.into.id
            var both = good
            both.migrationIn?.liveMigrationID = scene.out.id
            let refusals: [(Scene, VMMID, SledVMMState, DatastoreError.Code)] = [
                (scene, VMMID(), good, .notFound), (scene, scene.vmm.id, missing, .notFound),
                (scene, scene.vmm.id, foreign, .wrongSide), (scene, scene.vmm.id, swapped, .wrongSide),
                (scene, scene.vmm.id, both, .conflict),
                (gone, gone.vmm.id, try gone.report(vmm: 4, out: 2, into: 2), .gone),
            ]
            for (scene, id, report, code) in refusals {
                let error = await #expect(throws: DatastoreError.self) {
                    try await scene.datastore.updateRuntime(of: id, to: report)
                }
                #expect(error?.code == code)
                #expect(try await scene.changes() == [false, false, false])
            }
        }
    }

    @Test func `two VMMs that report the same two live migrations do not stop each other`() async throws {
        try await DatastoreHarness.run { harness in
            let (one, other) = (try await harness.insert(.running), try await harness.insert(.running))
            let there = try await harness.insertMigration(from: one.id, to: other.id)
            let back = try await harness.insertMigration(from: other.id, to: one.id)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (vmm, out, into) in [(one, there, back), (other, back, there)] {
                    group.addTask {
                        for generation: Int64 in 2...40 {
                            let report = SledVMMState(
                                vmmState: try Sample.runtime(.migrating, generation),
                                migrationIn: try `Live migrations`.report(into.id, .inProgress, generation),
                                migrationOut: try `Live migrations`.report(out.id, .inProgress, generation)
                            )
                            let outcome = try await harness.datastore.updateRuntime(of: vmm.id, to: report)
                            #expect(outcome.vmm.isApplied)
                            #expect(outcome.migrationIn?.isApplied == true)
                            #expect(outcome.migrationOut?.isApplied == true)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await harness.datastore.fetchLiveMigration(there.id).target.generation.rawValue == 40)
        }
    }
}
