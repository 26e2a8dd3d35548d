import Postgres
import Testing
import VMMDatastore
import VMMModel

@Suite struct `Instances and their VMMs` {
    @Test func `everything of an instance comes back, and its runtime state is guarded`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running)
            var instance = Sample.instanceRow(vmm.instanceID, active: vmm.id, generation: 3)
            instance.runtime.targetVMMID = VMMID()
            instance.runtime.liveMigrationID = LiveMigrationID()
            instance.runtime.timeLastAutoRestarted = try Sample.time(7)
            instance.autoRestartPolicy = .bestEffort
            instance.autoRestartCooldown = .milliseconds(1_500)
            instance.updaterID = UpdaterID()
            instance.updaterGeneration = 0
            instance.cpuPlatform = .amdTurinV2
            try await harness.insertInstance(instance)
            #expect(try await harness.datastore.fetchInstance(instance.id) == instance)

            var runtime = InstanceRuntimeState(
                state: .noVMM,
                generation: try Generation(4),
                timeUpdated: try Sample.time(9)
            )
            let outcome = try await harness.datastore.updateRuntime(of: instance.id, to: runtime)
            #expect(outcome == .updated(before: instance))
            instance.runtime = runtime
            #expect(try await harness.datastore.fetchInstance(instance.id) == instance)
            #expect(
                try await harness.datastore.updateRuntime(of: instance.id, to: runtime)
                    == .alreadyApplied(now: instance)
            )
            runtime.state = .failed
            #expect(try await harness.datastore.updateRuntime(of: instance.id, to: runtime) == .stale(now: instance))
            let error = await #expect(throws: DatastoreError.self) {
                try await harness.datastore.updateRuntime(of: InstanceID(), to: runtime)
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test func `rows are fetched together, and what is deleted or missing is told as that`() async throws {
        try await DatastoreHarness.run { harness in
            let (active, target) = (try await harness.insert(.migrating), try await harness.insert(.starting))
            let migration = try await harness.insertMigration(of: active.instanceID, from: active.id, to: target.id)
            var instance = Sample.instanceRow(active.instanceID, active: active.id, target: target.id)
            instance.runtime.liveMigrationID = migration.id
            try await harness.insertInstance(instance)
            let datastore = harness.datastore
            let pair = try await datastore.fetchInstanceAndVMM(instance.id)
            #expect(pair.instance == instance && pair.activeVMM == active)
            #expect(pair.externalState == .migrating)
            var snapshot = try await datastore.fetchSnapshot(of: instance.id)
            #expect(snapshot.activeVMM == active && snapshot.targetVMM == target)
            #expect(snapshot.liveMigration == migration && snapshot.danglingReferences.isEmpty)

            try await harness.execute("UPDATE vmm SET time_deleted = '2026-01-01Z' WHERE id = '\(active.id)'")
            try await harness.execute(
                "DELETE FROM vmm WHERE id = '\(target.id)'; UPDATE migration SET time_deleted = now()"
            )
            #expect(try await datastore.fetchInstanceAndVMM(instance.id).activeVMM == nil)
            snapshot = try await datastore.fetchSnapshot(of: instance.id)
            #expect(snapshot.activeVMM == nil && snapshot.liveMigration == nil)
            snapshot = try await datastore.fetchSnapshot(of: instance.id, includingDeleted: true)
            #expect(snapshot.activeVMM?.id == active.id && snapshot.targetVMM == nil)
            #expect(snapshot.externalState == .stopped)
            let references = snapshot.danglingReferences
            #expect(references.count == 3)
            #expect(references.first == .activeVMM(active.id, deletedAt: snapshot.activeVMM?.timeDeleted))
            #expect(references.dropFirst().first == .targetVMM(target.id, deletedAt: nil))
            #expect(references.last?.description.contains("was deleted at") == true)
        }
    }

    @Test func `a batch leaves out what is missing or deleted`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running)
            let running = Sample.instanceRow(vmm.instanceID, active: vmm.id)
            let stopped = Sample.instanceRow()
            var deleted = Sample.instanceRow()
            deleted.timeDeleted = try Sample.time(1)
            for instance in [running, stopped, deleted] { try await harness.insertInstance(instance) }
            let found = try await harness.datastore.fetchInstances([
                running.id, stopped.id, deleted.id, InstanceID(), running.id,
            ])
            #expect(Set(found.keys) == [running.id, stopped.id])
            #expect(found[running.id]?.activeVMM == vmm)
            #expect(found[stopped.id]?.instance == stopped && found[stopped.id]?.activeVMM == nil)
            for id in [deleted.id, InstanceID()] {
                let error = await #expect(throws: DatastoreError.self) {
                    try await harness.datastore.fetchInstanceAndVMM(id)
                }
                #expect(error?.code == .notFound)
            }
            await harness.pool.shutDown()
            #expect(try await harness.datastore.fetchInstances([]).isEmpty)
        }
    }

    @Test func `VMMs are listed by sled, with failed ones and targets, page by page`() async throws {
        try await DatastoreHarness.run { harness in
            var expected: [PlacedVMM.Key] = []
            for state in Sample.everyState {
                let vmm = try await harness.insert(state)
                try await harness.insertInstance(Sample.instanceRow(vmm.instanceID))
                switch state {
                case .creating, .destroyed, .sagaUnwound: break
                default: expected.append(PlacedVMM.Key(sledID: vmm.sledID, vmmID: vmm.id))
                }
            }
            _ = try await harness.insert(.running, deletedAt: try Sample.time(1))
            expected.sort { ($0.sledID, $0.vmmID) < ($1.sledID, $1.vmmID) }
            var listed: [PlacedVMM.Key] = []
            while true {
                let page = try await harness.datastore.vmmsOnSleds(after: listed.last, limit: 3)
                guard !page.isEmpty else { break }
                #expect(page.allSatisfy { $0.instance.id == $0.vmm.instanceID })
                listed += page.map(\.key)
            }
            #expect(listed == expected)
            let sled = try #require(expected.first?.sledID)
            #expect(try await harness.datastore.vmmsOnSleds(sled).map(\.key.sledID) == [sled])
        }
    }

    @Test func `searches skip deleted and locked instances`() async throws {
        try await DatastoreHarness.run { harness in
            var wanted: [InstanceID] = []
            let cases: [(isLocked: Bool, isDeleted: Bool, vmmIsDeleted: Bool, state: VMMState)] = [
                (false, false, false, VMMState.destroyed), (false, false, false, VMMState.destroyed),
                (true, false, false, VMMState.destroyed), (false, true, false, VMMState.destroyed),
                (false, false, true, VMMState.destroyed), (false, false, false, VMMState.running),
            ]
            for (isLocked, isDeleted, vmmIsDeleted, state) in cases {
                let vmm = try await harness.insert(state, deletedAt: vmmIsDeleted ? try Sample.time(1) : nil)
                let migration = try await harness.insertMigration(
                    state == .running ? .inProgress : .completed,
                    .pending
                )
                var instance = Sample.instanceRow(vmm.instanceID, active: vmm.id)
                instance.runtime.liveMigrationID = migration.id
                if isLocked { instance.updaterID = UpdaterID() }
                if isDeleted { instance.timeDeleted = try Sample.time(1) }
                try await harness.insertInstance(instance)
                if !isLocked, !isDeleted, state == .destroyed, !vmmIsDeleted { wanted.append(instance.id) }
            }
            wanted.sort()
            let datastore = harness.datastore
            #expect(try await datastore.instances(whoseActiveVMMIs: .destroyed).map(\.instance.id) == wanted)
            let rest = try await datastore.instances(whoseActiveVMMIs: .destroyed, after: wanted[0], limit: 1)
            #expect(rest.map(\.instance.id) == [wanted[1]])
            let terminated = try await datastore.instancesWithTerminatedLiveMigrations()
            #expect(terminated.count == 3 && Set(terminated.map(\.instance.id)).isSuperset(of: wanted))
        }
    }

    @Test func `reincarnatable are exactly those whose restart is allowed`() async throws {
        try await DatastoreHarness.run { harness in
            let now = try Sample.time(1_800_000_000_000_000)
            let restarts: [(secondsAgo: Int64?, cooldown: Duration?)] = [
                (nil, nil), (299, nil), (300, nil), (301, Duration.seconds(302)), (302, Duration.seconds(302)),
                (9, Duration.zero), (9, Duration.seconds(5_000_000_000_000)),
            ]
            let policies: [InstanceAutoRestartPolicy?] = [nil, .never, .bestEffort]
            let states: [VMMState?] = [nil, .sagaUnwound, .failed(.sledOff)]
            var expected: Set<InstanceID> = []
            for intended in InstanceIntendedState.allCases {
                for policy in policies {
                    for (secondsAgo, cooldown) in restarts {
                        for state in states {
                            var instance = Sample.instanceRow()
                            var vmm: VMM?
                            if let state {
                                let active = try await harness.insert(state)
                                instance = Sample.instanceRow(active.instanceID, active: active.id)
                                vmm = active
                            } else {
                                instance.runtime.state = .failed
                            }
                            instance.intendedState = intended
                            instance.autoRestartPolicy = policy
                            instance.autoRestartCooldown = cooldown
                            instance.runtime.timeLastAutoRestarted = try secondsAgo.map {
                                try now.advanced(by: .seconds(-$0))
                            }
                            try await harness.insertInstance(instance)
                            if instance.autoRestart(activeVMM: vmm?.runtime.state.kind, at: now) == .allowed {
                                expected.insert(instance.id)
                            }
                        }
                    }
                }
            }
            #expect(expected.count == 16)
            let found = try await harness.datastore.reincarnatableInstances(at: now)
            #expect(found.map(\.instance.id) == expected.sorted())
        }
    }

    @Test func `deletion takes instances without a VMM, with their live migrations, once`() async throws {
        try await DatastoreHarness.run { harness in
            for state in [InstanceState.creating, .noVMM, .vmm(VMMID()), .failed, .destroyed] {
                var instance = Sample.instanceRow(target: VMMID(), generation: 3)
                instance.runtime.state = state
                instance.runtime.liveMigrationID = try await harness.insertMigration(of: instance.id).id
                _ = try await harness.insertMigration(of: instance.id)
                try await harness.insertInstance(instance)
                let time = try Sample.time(9)
                let outcome = try await harness.datastore.markDeleted(instance.id, at: time)
                guard state == .noVMM || state == .failed else {
                    #expect(outcome == .notDeletable(now: instance))
                    #expect(try await harness.datastore.fetchInstance(instance.id) == instance)
                    continue
                }
                #expect(outcome == .deleted(before: instance, liveMigrations: 2))
                let now = try await harness.datastore.fetchInstance(instance.id, includingDeleted: true)
                #expect(now.timeDeleted == time)
                #expect(
                    now.runtime
                        == InstanceRuntimeState(state: .destroyed, generation: try Generation(4), timeUpdated: time)
                )
                #expect(try await harness.datastore.markDeleted(instance.id) == .alreadyDeleted(now: now))
            }
            let error = await #expect(throws: DatastoreError.self) {
                try await harness.datastore.markDeleted(InstanceID())
            }
            #expect(error?.code == .notFound)
        }
    }
}
