import Postgres
import Testing
import VMMDatastore
import VMMModel

@Suite struct `Rows that no domain value can express` {
    @Test func `failed without a reason reads as prehistoric`() async throws {
        try await DatastoreHarness.run { harness in
            var vmm = try await harness.insert(.failed(.sledOff))
            try await harness.dropGuards()
            try await harness.execute("UPDATE vmm SET failure_reason = NULL")
            vmm.runtime.state = .failed(.prehistoric)
            #expect(try await harness.datastore.fetchVMM(vmm.id) == vmm)
            #expect(try await harness.datastore.inspectVMM(vmm.id).anomaly == .missingReason)
        }
    }

    @Test(arguments: Sample.everyState.filter { !$0.isFailed })
    func `a reason on a VMM that did not fail is an error that names the row`(state: VMMState) async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(state)
            try await harness.dropGuards()
            try await harness.execute("UPDATE vmm SET failure_reason = 'sled_expunged'")
            let error = await #expect(throws: DatastoreError.self) { try await harness.datastore.fetchVMM(vmm.id) }
            #expect(error?.code == .invalidRow)
            #expect(error?.id == vmm.id.uuid)
            #expect(error?.description.contains(vmm.id.description) == true)
            let stored = try await harness.datastore.inspectVMM(vmm.id)
            #expect(stored.vmm == vmm)
            #expect(stored.anomaly == .unexpectedReason(state.kind, .sledExpunged))
        }
    }

    @Test func `updating an unreadable row replaces it and says so`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running)
            try await harness.dropGuards()
            try await harness.execute("UPDATE vmm SET failure_reason = 'sled_off'")
            let newer = try Sample.runtime(.stopping, 2)
            let error = await #expect(throws: DatastoreError.self) {
                try await harness.datastore.updateRuntime(of: vmm.id, to: newer)
            }
            #expect(error?.code == .invalidRow)
            #expect(error?.wasApplied == true)
            #expect(try await harness.datastore.fetchVMM(vmm.id).runtime == newer)
            #expect(try await harness.datastore.updateRuntime(of: vmm.id, to: newer).isApplied)
        }
    }

    @Test func `an update that does not replace an unreadable row says so`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running, generation: 5)
            try await harness.dropGuards()
            try await harness.execute("UPDATE vmm SET failure_reason = 'sled_off'")
            let error = await #expect(throws: DatastoreError.self) {
                try await harness.datastore.updateRuntime(of: vmm.id, to: try Sample.runtime(.stopping, 5))
            }
            #expect(error?.code == .invalidRow)
            #expect(error?.wasApplied == false)
        }
    }

    @Test(arguments: [
        ("ALTER TYPE vmm_state ADD VALUE 'hibernating'", "state = 'hibernating'", "hibernating"),
        ("ALTER TYPE vmm_cpu_platform ADD VALUE 'riscv'", "cpu_platform = 'riscv'", "riscv"),
        ("", "propolis_ip = '10.0.0.0/8'", "10.0.0.0/8"),
        ("", "state_generation = 0", "state_generation"),
        ("", "time_created = 'infinity'", "time_created"),
        ("", "time_state_updated = '-infinity'", "time_state_updated"),
        ("", "time_deleted = '294276-12-31'", "time_deleted"),
    ])
    func `other values out of range are errors that name row and column`(
        preparation: String,
        assignment: String,
        hint: String
    ) async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running)
            try await harness.execute(preparation)
            try await harness.execute("UPDATE vmm SET \(assignment)")
            let error = await #expect(throws: DatastoreError.self) { try await harness.datastore.fetchVMM(vmm.id) }
            #expect(error?.code == .invalidRow)
            #expect(error?.description.contains(vmm.id.description) == true)
            #expect(error?.description.contains(hint) == true)
        }
    }

    @Test func `without the column of failure reasons the server's error passes through`() async throws {
        try await DatastoreHarness.run { harness in
            try await harness.execute("ALTER TABLE vmm DROP COLUMN failure_reason CASCADE")
            let error = await #expect(throws: PostgresError.self) { try await harness.datastore.fetchVMM(VMMID()) }
            #expect(error?.code == .server)
        }
    }
}
