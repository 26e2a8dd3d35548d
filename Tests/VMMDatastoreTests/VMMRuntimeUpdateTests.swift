import Postgres
import Testing
import VMMDatastore
import VMMModel

@Suite struct `Updating the runtime state of a VMM` {
    @Test func `any newer state replaces any state, with its reason`() async throws {
        try await DatastoreHarness.run { harness in
            for from in Sample.everyState {
                for to in Sample.everyState {
                    let vmm = try await harness.insert(from, generation: 3)
                    let newer = try Sample.runtime(to, 4, at: 2)
                    #expect(try await harness.datastore.updateRuntime(of: vmm.id, to: newer) == .updated(before: vmm))
                    #expect(try await harness.datastore.fetchVMM(vmm.id).runtime == newer)
                    #expect(try await harness.storedState(of: vmm.id).reason == to.failureReason?.label)
                }
            }
        }
    }

    @Test func `generations may skip numbers and times may go back`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running)
            let last = try Sample.runtime(.stopped, .max, at: -1)
            #expect(try await harness.datastore.updateRuntime(of: vmm.id, to: last) == .updated(before: vmm))
            #expect(try await harness.datastore.fetchVMM(vmm.id).runtime == last)
        }
    }

    @Test func `writing the same again is already applied`() async throws {
        try await DatastoreHarness.run { harness in
            var vmm = try await harness.insert(.running)
            vmm.runtime = try Sample.runtime(.failed(.noSuchInstance), 2, at: 9)
            #expect(try await harness.datastore.updateRuntime(of: vmm.id, to: vmm.runtime).isApplied)
            for _ in 0..<3 {
                let outcome = try await harness.datastore.updateRuntime(of: vmm.id, to: vmm.runtime)
                #expect(outcome == .alreadyApplied(now: vmm))
            }
        }
    }

    @Test(
        arguments: [
            (VMMState.failed(.sledOff), 5, 1), (.failed(.sledExpunged), 5, 0), (.destroyed, 5, 0),
            (.failed(.sledOff), 4, 0),
            (.running, 1, 0),
        ] as [(VMMState, Int64, Int64)]
    )
    func `the same generation with other contents, or an older one, is stale`(
        state: VMMState,
        generation: Int64,
        microseconds: Int64
    ) async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running)
            let current = try Sample.runtime(.failed(.sledOff), 5, at: 0)
            #expect(try await harness.datastore.updateRuntime(of: vmm.id, to: current).isApplied)
            var now = vmm
            now.runtime = current
            let late = try Sample.runtime(state, generation, at: microseconds)
            #expect(try await harness.datastore.updateRuntime(of: vmm.id, to: late) == .stale(now: now))
            #expect(try await harness.datastore.fetchVMM(vmm.id) == now)
        }
    }

    @Test func `a deleted VMM is left alone, whatever the generation`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.destroyed, generation: 3, deletedAt: try Sample.time(1))
            for generation: Int64 in [2, 3, 4] {
                let runtime = try Sample.runtime(.running, generation)
                #expect(try await harness.datastore.updateRuntime(of: vmm.id, to: runtime) == .deleted(now: vmm))
            }
            #expect(try await harness.datastore.fetchVMM(vmm.id, includingDeleted: true) == vmm)
        }
    }

    @Test func `an unknown VMM is an error, and other rows stay`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running)
            let id = VMMID()
            let error = await #expect(throws: DatastoreError.self) {
                try await harness.datastore.updateRuntime(of: id, to: try Sample.runtime(.stopped, 9))
            }
            #expect(error?.code == .notFound)
            #expect(error?.id == id.uuid)
            #expect(try await harness.datastore.fetchVMM(vmm.id) == vmm)
        }
    }

    @Test func `a connection that breaks under an update says that the outcome is unknown`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running)
            let newer = try Sample.runtime(.stopped, 2)
            let error = try await harness.holdingLock(on: vmm.id) { connection in
                async let update = harness.datastore.updateRuntime(of: vmm.id, to: newer)
                try await harness.waitForBlockedSession()
                try await harness.terminateBlockedSessions()
                defer { _ = connection }
                let error: PostgresError?
                do {
                    _ = try await update
                    error = nil
                } catch let thrown as PostgresError {
                    error = thrown
                }
                return error
            }
            #expect(error?.code == .connectionClosed)
            #expect(error?.mayHaveCommitted == true)
            #expect(try await harness.datastore.updateRuntime(of: vmm.id, to: newer) == .updated(before: vmm))
        }
    }
}

extension DatastoreHarness {
    /// Runs `body` while a transaction holds the lock of a VMM's row; then commits it.
    func holdingLock<R>(on id: VMMID, _ body: (PostgresConnection) async throws -> R) async throws -> R {
        try await pool.withTransaction { connection in
            try await connection.query("SELECT FROM vmm WHERE id = \(id) FOR UPDATE")
            return try await body(connection)
        }
    }

    func terminateBlockedSessions() async throws {
        try await pool.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
            """
        )
    }
}
