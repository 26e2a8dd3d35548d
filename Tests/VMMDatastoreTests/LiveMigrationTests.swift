import Testing
import VMMDatastore
import VMMModel

@Suite struct `Live migrations` {
    @Test func `inserting tells new from existing, and the row comes back`() async throws {
        try await DatastoreHarness.run { harness in
            var migration = LiveMigration.new(
                instanceID: InstanceID(),
                from: VMMID(),
                to: VMMID(),
                at: try Sample.time(1)
            )
            migration.source.timeUpdated = try Sample.time(2)
            migration.target.state = .inProgress
            #expect(try await harness.datastore.insert(migration) == .inserted(migration))
            var other = migration
            other.source.state = .failed
            #expect(try await harness.datastore.insert(other) == .existing(migration))
            #expect(try await harness.datastore.fetchLiveMigration(migration.id) == migration)
            let error = await #expect(throws: DatastoreError.self) {
                try await harness.datastore.fetchLiveMigration(LiveMigrationID())
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test func `each side is guarded by its own generation`() async throws {
        try await DatastoreHarness.run { harness in
            for side in LiveMigrationSide.allCases {
                var migration = try await harness.insertMigration()
                let vmm = side == .source ? migration.source.vmmID : migration.target.vmmID
                let other = side == .source ? migration.target.vmmID : migration.source.vmmID
                let report = try Self.report(migration.id, .inProgress, 5)
                func update(_ report: LiveMigrationRuntimeState) async throws -> UpdateOutcome<LiveMigration> {
                    try await harness.datastore.updateRuntime(of: side, of: vmm, to: report)
                }
                #expect(try await update(report) == .updated(before: migration))
                let written = LiveMigration.Side(
                    vmmID: vmm,
                    state: .inProgress,
                    generation: report.generation,
                    timeUpdated: report.timeUpdated
                )
                if side == .source { migration.source = written } else { migration.target = written }
                #expect(try await harness.datastore.fetchLiveMigration(migration.id) == migration)
                #expect(try await update(report) == .alreadyApplied(now: migration))
                #expect(try await update(Self.report(migration.id, .failed, 5)) == .stale(now: migration))
                for generation: Int64 in [4, 5, 6] {
                    let error = await #expect(throws: DatastoreError.self) {
                        let foreign = try Self.report(migration.id, .completed, generation)
                        _ = try await harness.datastore.updateRuntime(of: side, of: other, to: foreign)
                    }
                    #expect(error?.code == .wrongSide)
                }
                #expect(try await harness.datastore.fetchLiveMigration(migration.id) == migration)
                _ = try await harness.datastore.markDeleted(migration.id, at: try Sample.time(9))
                migration.timeDeleted = try Sample.time(9)
                #expect(try await update(Self.report(migration.id, .failed, 7)) == .deleted(now: migration))
            }
        }
    }

    @Test func `marking failed fails what is not terminal, and leaves what completed`() async throws {
        try await DatastoreHarness.run { harness in
            for source in LiveMigrationState.allCases {
                for target in LiveMigrationState.allCases {
                    let before = try await harness.insertMigration(source, target)
                    let outcome = try await harness.datastore.markFailed(before.id, at: try Sample.time(9))
                    let now = try await harness.datastore.fetchLiveMigration(before.id)
                    if source == .completed || target == .completed {
                        #expect(outcome == .completed(now: before))
                        #expect(now == before)
                    } else if source == .failed, target == .failed {
                        #expect(outcome == .alreadyFailed(now: before))
                        #expect(now == before)
                    } else {
                        #expect(outcome == .marked(before: before))
                        for (side, old) in [(now.source, before.source), (now.target, before.target)] {
                            guard old.state != .failed else {
                                #expect(side == old)
                                continue
                            }
                            #expect(side.state == .failed)
                            #expect(side.generation == (try old.generation.next()))
                            #expect(side.timeUpdated == (try Sample.time(9)))
                        }
                        #expect(try await harness.datastore.markFailed(before.id) == .alreadyFailed(now: now))
                    }
                }
            }
        }
    }

    @Test func `an instance's live migrations are listed by key, and deleted together`() async throws {
        try await DatastoreHarness.run { harness in
            let instance = InstanceID()
            var ids: [LiveMigrationID] = []
            for _ in 0..<5 { ids.append(try await harness.insertMigration(of: instance).id) }
            let other = try await harness.insertMigration()
            ids.sort()
            let datastore = harness.datastore
            #expect(try await datastore.liveMigrations(of: instance, limit: 3).map(\.id) == Array(ids[..<3]))
            #expect(
                try await datastore.liveMigrations(of: instance, after: ids[2], limit: 9).map(\.id) == Array(ids[3...])
            )
            let down = try await datastore.liveMigrations(of: instance, after: ids[3], limit: 2, isDescending: true)
            #expect(down.map(\.id) == [ids[2], ids[1]])
            #expect(try await datastore.liveMigrations(of: instance, limit: 0).isEmpty)

            let time = try Sample.time(9)
            guard case .deleted = try await datastore.markDeleted(ids[0], at: time) else {
                Issue.record("not deleted")
                return
            }
            var deleted = try await datastore.fetchLiveMigration(ids[0], includingDeleted: true)
            #expect(deleted.timeDeleted == time)
            #expect(try await datastore.markDeleted(ids[0]) == .alreadyDeleted(now: deleted))
            #expect(try await datastore.markFailed(ids[0]) == .deleted(now: deleted))
            #expect(try await datastore.markLiveMigrationsDeleted(of: instance, at: try Sample.time(10)) == 4)
            #expect(try await datastore.markLiveMigrationsDeleted(of: instance) == 0)
            #expect(try await datastore.liveMigrations(of: instance).isEmpty)
            deleted = try await datastore.fetchLiveMigration(ids[0], includingDeleted: true)
            #expect(deleted.timeDeleted == time)
            #expect(try await datastore.fetchLiveMigration(other.id) == other)
        }
    }

    static func report(_ id: LiveMigrationID, _ state: LiveMigrationState, _ generation: Int64) throws
        -> LiveMigrationRuntimeState
    {
        LiveMigrationRuntimeState(
            liveMigrationID: id,
            state: state,
            generation: try Generation(generation),
            timeUpdated: try Sample.time(100 + generation)
        )
    }
}

extension DatastoreHarness {
    func insertMigration(
        _ source: LiveMigrationState = .pending,
        _ target: LiveMigrationState = .pending,
        of instance: InstanceID = InstanceID(),
        from sourceVMM: VMMID = VMMID(),
        to targetVMM: VMMID = VMMID()
    ) async throws -> LiveMigration {
        var migration = LiveMigration.new(instanceID: instance, from: sourceVMM, to: targetVMM, at: try Sample.time(1))
        migration.source.state = source
        migration.target.state = target
        #expect(try await datastore.insert(migration) == .inserted(migration))
        return migration
    }
}
