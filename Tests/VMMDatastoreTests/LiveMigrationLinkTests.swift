import Testing
import VMMDatastore
import VMMModel

@Suite struct `Linking a live migration to its instance` {
    @Test func `a running or rebooting active VMM can be left, no other`() async throws {
        try await DatastoreHarness.run { harness in
            for state in Sample.everyState {
                let source = try await harness.insert(state)
                let instance = Sample.instanceRow(source.instanceID, active: source.id, generation: 3)
                try await harness.insertInstance(instance)
                let (migration, target, time) = (LiveMigrationID(), VMMID(), try Sample.time(9))
                func set() async throws -> SetLiveMigrationOutcome {
                    try await harness.datastore.setLiveMigration(
                        migration,
                        of: instance.id,
                        from: source.id,
                        to: target,
                        at: time
                    )
                }
                guard state == .running || state == .rebooting else {
                    #expect(try await set() == .refused(.sourceIsNotRunning(state), now: instance))
                    #expect(try await harness.datastore.fetchInstance(instance.id) == instance)
                    continue
                }
                #expect(try await set() == .set(before: instance))
                var now = instance
                now.runtime.liveMigrationID = migration
                now.runtime.targetVMMID = target
                now.runtime.generation = try Generation(4)
                now.runtime.timeUpdated = time
                #expect(try await harness.datastore.fetchInstance(instance.id) == now)
                #expect(try await set() == .alreadySet(now: now))
                #expect(try await harness.datastore.fetchInstance(instance.id) == now)

                func unset(_ id: LiveMigrationID) async throws -> UnsetLiveMigrationOutcome {
                    try await harness.datastore.unsetLiveMigration(id, of: instance.id, to: target, at: time)
                }
                #expect(try await unset(LiveMigrationID()) == .notSet(now: now))
                #expect(try await unset(migration) == .unset(before: now))
                let after = try await harness.datastore.fetchInstance(instance.id)
                #expect(after.runtime.liveMigrationID == nil && after.runtime.targetVMMID == nil)
                #expect(after.runtime.generation.rawValue == 5)
                #expect(try await unset(migration) == .notSet(now: after))
            }
        }
    }

    @Test func `the source must be the active VMM, live, and the instance's`() async throws {
        try await DatastoreHarness.run { harness in
            let source = try await harness.insert(.running)
            let foreign = try await harness.insert(.running)
            let deleted = try await harness.insert(.running, deletedAt: try Sample.time(1))
            let cases: [(active: VMMID, source: VMMID, refusal: LiveMigrationRefusal)] = [
                (source.id, foreign.id, .sourceIsNotActive), (foreign.id, foreign.id, .sourceIsNotLive),
                (deleted.id, deleted.id, .sourceIsNotLive),
            ]
            for (active, source, refusal) in cases {
                let instance = Sample.instanceRow(active: active)
                try await harness.insertInstance(instance)
                let outcome = try await harness.datastore.setLiveMigration(
                    LiveMigrationID(),
                    of: instance.id,
                    from: source,
                    to: VMMID()
                )
                #expect(outcome == .refused(refusal, now: instance))
            }
            var gone = Sample.instanceRow()
            gone.timeDeleted = try Sample.time(1)
            try await harness.insertInstance(gone)
            let outcome = try await harness.datastore.setLiveMigration(
                LiveMigrationID(),
                of: gone.id,
                from: source.id,
                to: VMMID()
            )
            #expect(outcome == .deleted(now: gone))
        }
    }

    @Test func `a link gives way only when its target was unwound and both sides failed`() async throws {
        try await DatastoreHarness.run { harness in
            for target in Sample.everyState {
                for sides in [
                    (LiveMigrationState.failed, LiveMigrationState.failed), (.failed, .pending), (.completed, .failed),
                ] {
                    let (active, old) = (try await harness.insert(.running), try await harness.insert(target))
                    let migration = try await harness.insertMigration(sides.0, sides.1)
                    var instance = Sample.instanceRow(active.instanceID, active: active.id, target: old.id)
                    instance.runtime.liveMigrationID = migration.id
                    try await harness.insertInstance(instance)
                    let outcome = try await harness.datastore.setLiveMigration(
                        LiveMigrationID(),
                        of: instance.id,
                        from: active.id,
                        to: VMMID()
                    )
                    let mayGo = target == .sagaUnwound && sides == (.failed, .failed)
                    #expect(
                        outcome == (mayGo ? .set(before: instance) : .refused(.anotherLiveMigration, now: instance))
                    )
                }
            }
        }
    }
}
