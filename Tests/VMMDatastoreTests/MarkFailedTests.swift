import Postgres
import Testing
import VMMDatastore
import VMMModel

@Suite struct `Marking VMMs failed, unwound and deleted` {
    /// What marking failed comes to, for each state: whether it is written, and whether it had ended.
    private static let table: [(state: VMMState, isMarked: Bool, hasEnded: Bool)] = [
        (.creating, true, false), (.starting, true, false), (.running, true, false), (.stopping, true, false),
        (.stopped, true, false), (.rebooting, true, false), (.migrating, true, false),
        (.destroyed, false, true), (.sagaUnwound, false, true),
        (.failed(.prehistoric), false, false), (.failed(.fromSledAgent), false, false),
        (.failed(.noSuchInstance), false, false), (.failed(.sledExpunged), false, false),
        (.failed(.sledOff), false, false),
    ]

    @Test func `a failure is recorded once, and never over a recorded reason or an end`() async throws {
        #expect(Set(Self.table.map(\.state)) == Set(Sample.everyState))
        try await DatastoreHarness.run { harness in
            for row in Self.table {
                for reason in VMMFailureReason.allCases {
                    let vmm = try await harness.insert(row.state, generation: 3)
                    let time = try Sample.time(9)
                    let outcome = try await harness.datastore.markFailed(vmm.id, reason: reason, at: time)
                    let now = try await harness.datastore.fetchVMM(vmm.id)
                    guard row.isMarked else {
                        #expect(outcome == (row.hasEnded ? .ended(now: vmm) : .alreadyFailed(now: vmm)))
                        #expect(now == vmm)
                        continue
                    }
                    #expect(outcome == .marked(before: vmm))
                    #expect(now.runtime == (try Sample.runtime(.failed(reason), 4, at: 9)))
                    let again = try await harness.datastore.markFailed(vmm.id, reason: .sledOff)
                    #expect(again == .alreadyFailed(now: now))
                }
            }
        }
    }

    @Test func `a row that moves while it is marked is judged again`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running)
            let newer = try Sample.runtime(.stopping, 5)
            let outcome = try await harness.behind(vmm.id, newer) {
                try await harness.datastore.markFailed(vmm.id, reason: .sledOff, at: try Sample.time(9))
            }
            var before = vmm
            before.runtime = newer
            #expect(outcome == .marked(before: before))
            let now = try await harness.datastore.fetchVMM(vmm.id)
            #expect(now.runtime == (try Sample.runtime(.failed(.sledOff), 6, at: 9)))
        }
    }

    @Test func `a row that fails while it is marked keeps the reason that was first`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running)
            let newer = try Sample.runtime(.failed(.sledExpunged), 2)
            let outcome = try await harness.behind(vmm.id, newer) {
                try await harness.datastore.markFailed(vmm.id, reason: .sledOff)
            }
            var now = vmm
            now.runtime = newer
            #expect(outcome == .alreadyFailed(now: now))
            #expect(try await harness.datastore.fetchVMM(vmm.id) == now)
        }
    }

    @Test func `the last generation cannot be followed`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running, generation: .max)
            await #expect(throws: GenerationError.exhausted) {
                try await harness.datastore.markFailed(vmm.id, reason: .sledOff)
            }
            await #expect(throws: GenerationError.exhausted) { try await harness.datastore.markSagaUnwound(vmm.id) }
        }
    }

    @Test func `unwinding works from each state, clears the reason, and changes nothing the second time`() async throws
    {
        try await DatastoreHarness.run { harness in
            for state in Sample.everyState where state != .sagaUnwound {
                let vmm = try await harness.insert(state, generation: 3)
                let outcome = try await harness.datastore.markSagaUnwound(vmm.id, at: try Sample.time(9))
                #expect(outcome == .marked(before: vmm))
                #expect(outcome.replacedFailure == state.failureReason)
                let now = try await harness.datastore.fetchVMM(vmm.id)
                #expect(now.runtime == (try Sample.runtime(.sagaUnwound, 4, at: 9)))
                #expect(try await harness.storedState(of: vmm.id).reason == nil)
                #expect(try await harness.datastore.markSagaUnwound(vmm.id) == .alreadyUnwound(now: now))
            }
        }
    }

    @Test func `deletion takes failed, destroyed and unwound VMMs, once`() async throws {
        try await DatastoreHarness.run { harness in
            for state in Sample.everyState {
                let vmm = try await harness.insert(state)
                let time = try Sample.time(9)
                let outcome = try await harness.datastore.markDeleted(vmm.id, at: time)
                guard [.failed, .destroyed, .sagaUnwound].contains(state.kind) else {
                    #expect(outcome == .notDestroyable(now: vmm))
                    #expect(try await harness.datastore.fetchVMM(vmm.id) == vmm)
                    continue
                }
                #expect(outcome == .deleted(before: vmm))
                var now = vmm
                now.timeDeleted = time
                #expect(try await harness.datastore.markDeleted(vmm.id) == .alreadyDeleted(now: now))
                #expect(try await harness.datastore.markFailed(vmm.id, reason: .sledOff) == .deleted(now: now))
                #expect(try await harness.datastore.markSagaUnwound(vmm.id) == .deleted(now: now))
                #expect(try await harness.datastore.fetchVMM(vmm.id, includingDeleted: true) == now)
            }
        }
    }

    @Test func `a VMM that there is not is an error of each of them`() async throws {
        try await DatastoreHarness.run { harness in
            let id = VMMID()
            let calls: [() async throws -> Void] = [
                { _ = try await harness.datastore.markFailed(id, reason: .sledOff) },
                { _ = try await harness.datastore.markSagaUnwound(id) },
                { _ = try await harness.datastore.markDeleted(id) },
            ]
            for call in calls {
                let error = await #expect(throws: DatastoreError.self) { try await call() }
                #expect(error?.code == .notFound)
                #expect(error?.id == id.uuid)
            }
        }
    }
}

extension DatastoreHarness {
    /// Runs `body`, which will wait for another session that has written to a VMM; then that session commits.
    func behind<R: Sendable>(
        _ id: VMMID,
        _ runtime: VMMRuntimeState,
        _ body: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        try await pool.withConnection { connection in
            try await connection.execute(script: "BEGIN")
            try await connection.query(.writing(runtime, to: id))
            let waiting = Task { try await body() }
            try await waitForBlockedSession()
            try await connection.execute(script: "COMMIT")
            return try await waiting.value
        }
    }
}
