import Postgres
import Testing
import VMMDatastore
import VMMModel

@Suite struct `The updater lock of an instance` {
    @Test func `one updater holds it, keeps it, passes it on and gives it back`() async throws {
        try await DatastoreHarness.run { harness in
            let instance = Sample.instanceRow()
            try await harness.insertInstance(instance)
            let (me, child, other) = (UpdaterID(), UpdaterID(), UpdaterID())
            let datastore = harness.datastore
            func lock(_ updater: UpdaterID, _ generation: Int64) -> UpdaterLock {
                UpdaterLock(instanceID: instance.id, updaterID: updater, generation: generation)
            }
            #expect(try await datastore.inherit(lock(me, 1), by: child).isNotHeld)
            #expect(try await datastore.lock(instance.id, for: me) == .locked(lock(me, 2)))
            #expect(try await datastore.lock(instance.id, for: me) == .locked(lock(me, 2)))
            #expect(try await datastore.lock(instance.id, for: other) == .held(by: lock(me, 2)))
            #expect(try await datastore.inherit(lock(me, 1), by: child) == .held(by: lock(me, 2)))
            #expect(try await datastore.inherit(lock(me, 2), by: child) == .locked(lock(child, 3)))
            #expect(try await datastore.inherit(lock(me, 2), by: child) == .locked(lock(child, 3)))
            guard case .notHeld = try await datastore.unlock(lock(me, 2)) else {
                Issue.record("the parent could still unlock")
                return
            }
            #expect(try await datastore.unlock(lock(child, 2)) == .heldAgain(lock(child, 3)))
            let held = try await datastore.fetchInstance(instance.id)
            #expect(held.updaterID == child && held.updaterGeneration == 3)
            #expect(try await datastore.unlock(lock(child, 3)) == .unlocked(before: held))
            let free = try await datastore.fetchInstance(instance.id)
            #expect(free.updaterID == nil && free.updaterGeneration == 4)
            #expect(try await datastore.unlock(lock(child, 3)) == .alreadyUnlocked(now: free))
            #expect(try await datastore.unlock(lock(child, 1)) == .notHeld(now: free))
        }
    }

    @Test func `a deleted instance has no lock, and a missing one is an error`() async throws {
        try await DatastoreHarness.run { harness in
            var instance = Sample.instanceRow()
            instance.timeDeleted = try Sample.time(1)
            instance.updaterID = UpdaterID()
            try await harness.insertInstance(instance)
            let lock = try #require(UpdaterLock(of: instance))
            let datastore = harness.datastore
            #expect(try await datastore.lock(instance.id, for: lock.updaterID) == .deleted(now: instance))
            #expect(try await datastore.inherit(lock, by: UpdaterID()) == .deleted(now: instance))
            #expect(try await datastore.unlock(lock) == .deleted(now: instance))
            let missing = UpdaterLock(instanceID: InstanceID(), updaterID: UpdaterID(), generation: 1)
            let calls: [() async throws -> Void] = [
                { _ = try await datastore.lock(missing.instanceID, for: missing.updaterID) },
                { _ = try await datastore.inherit(missing, by: UpdaterID()) },
                { _ = try await datastore.unlock(missing) },
                { _ = try await datastore.commitUpdate(under: missing, runtime: Sample.instanceRow().runtime) },
            ]
            for call in calls {
                let error = await #expect(throws: DatastoreError.self) { try await call() }
                #expect(error?.code == .notFound)
            }
        }
    }

    @Test func `of many that want it at once, one gets it`() async throws {
        try await DatastoreHarness.run { harness in
            let instance = Sample.instanceRow()
            try await harness.insertInstance(instance)
            let outcomes = try await withThrowingTaskGroup(of: LockOutcome.self) { group in
                for _ in 0..<24 { group.addTask { try await harness.datastore.lock(instance.id, for: UpdaterID()) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let winners = outcomes.compactMap { if case .locked(let lock) = $0 { lock } else { nil } }
            let winner = try #require(winners.first)
            #expect(winners.count == 1 && winner.generation == 2)
            #expect(outcomes.count { $0 == .held(by: winner) } == 23)
        }
    }
}

@Suite struct `Committing an update under the lock` {
    /// Where a row stands, compared with a commit of generation 5 under a lock of generation 7.
    struct Row {
        let isDeleted: Bool
        let generation: Int64
        let lockGeneration: Int64
        let holder: Holder
        let outcome: Outcome
    }

    enum Holder { case me, other, nobody }

    enum Outcome { case committed, alreadyCommitted, conflict, lockedByAnother, notLocked, deleted }

    /// The table of outcomes, evaluated in order for each combination; the state's generation is the one before the
    /// new one (4), one that leaves a gap (2), the new one (5), or newer (9).
    private static let table: [Row] = {
        var rows: [Row] = []
        for isDeleted in [false, true] {
            for generation: Int64 in [2, 4, 5, 9] {
                for lockGeneration: Int64 in [7, 8, 9] {
                    for holder in [Holder.me, Holder.other, Holder.nobody] {
                        let isAsNew = generation >= 5
                        let outcome: Outcome
                        if isDeleted {
                            outcome = .deleted
                        } else if isAsNew {
                            outcome = whenAsNew(lockGeneration, holder)
                        } else {
                            outcome = whenOlder(lockGeneration, holder)
                        }
                        let row = Row(
                            isDeleted: isDeleted,
                            generation: generation,
                            lockGeneration: lockGeneration,
                            holder: holder,
                            outcome: outcome
                        )
                        rows.append(row)
                    }
                }
            }
        }
        return rows
    }()

    private static func whenAsNew(_ lockGeneration: Int64, _ holder: Holder) -> Outcome {
        guard lockGeneration == 7 else { return .alreadyCommitted }
        switch holder {
        case .me: return .conflict
        case .other: return .lockedByAnother
        case .nobody: return .notLocked
        }
    }

    private static func whenOlder(_ lockGeneration: Int64, _ holder: Holder) -> Outcome {
        switch holder {
        case .me: return lockGeneration == 7 ? .committed : .lockedByAnother
        case .other: return .lockedByAnother
        case .nobody: return .notLocked
        }
    }

    @Test(arguments: [nil, InstanceIntendedState.guestShutdown])
    func `the outcome is what the table says, row by row`(intent: InstanceIntendedState?) async throws {
        #expect(Self.table.count == 72)
        try await DatastoreHarness.run { harness in
            for row in Self.table {
                let me = UpdaterID()
                var instance = Sample.instanceRow(generation: row.generation)
                if row.isDeleted { instance.timeDeleted = try Sample.time(1) }
                instance.updaterGeneration = row.lockGeneration
                switch row.holder {
                case .me: instance.updaterID = me
                case .other: instance.updaterID = UpdaterID()
                case .nobody: break
                }
                try await harness.insertInstance(instance)
                let lock = UpdaterLock(instanceID: instance.id, updaterID: me, generation: 7)
                let runtime = InstanceRuntimeState(
                    state: .failed,
                    generation: try Generation(5),
                    timeUpdated: try Sample.time(9)
                )
                let outcome = try await harness.datastore.commitUpdate(under: lock, runtime: runtime, intent: intent)
                let now = try await harness.datastore.fetchInstance(instance.id, includingDeleted: true)
                switch row.outcome {
                case .committed:
                    #expect(outcome == .committed(before: instance), "\(row)")
                    #expect(now.runtime == runtime && now.updaterID == nil && now.updaterGeneration == 8)
                    #expect(now.intendedState == intent ?? instance.intendedState)
                    let again = try await harness.datastore.commitUpdate(under: lock, runtime: runtime, intent: intent)
                    #expect(again == .alreadyCommitted(now: now))
                    continue
                case .alreadyCommitted: #expect(outcome == .alreadyCommitted(now: instance), "\(row)")
                case .conflict: #expect(outcome == .conflict(now: instance), "\(row)")
                case .lockedByAnother:
                    let holder = try #require(UpdaterLock(of: instance))
                    #expect(outcome == .lockedByAnother(holder, now: instance), "\(row)")
                case .notLocked: #expect(outcome == .notLocked(now: instance), "\(row)")
                case .deleted: #expect(outcome == .deleted(now: instance), "\(row)")
                }
                #expect(now == instance)
            }
        }
    }

    @Test func `a commit that waited for another writer judges by what that one left`() async throws {
        try await DatastoreHarness.run { harness in
            var instance = Sample.instanceRow(generation: 4)
            try await harness.insertInstance(instance)
            guard case .locked(let lock) = try await harness.datastore.lock(instance.id, for: UpdaterID()) else {
                Issue.record("not locked")
                return
            }
            let runtime = InstanceRuntimeState(
                state: .failed,
                generation: try Generation(5),
                timeUpdated: try Sample.time(9)
            )
            let outcome = try await harness.pool.withConnection { connection in
                try await connection.execute(script: "BEGIN")
                try await connection.query(
                    "UPDATE instance SET state_generation = 5, state = 'no_vmm' WHERE id = \(instance.id)"
                )
                async let waiting = harness.datastore.commitUpdate(under: lock, runtime: runtime)
                try await harness.waitForBlockedSession()
                try await connection.execute(script: "COMMIT")
                return try await waiting
            }
            instance = try await harness.datastore.fetchInstance(instance.id)
            #expect(outcome == .conflict(now: instance))
        }
    }
}

extension LockOutcome {
    fileprivate var isNotHeld: Bool {
        if case .notHeld = self { true } else { false }
    }
}
