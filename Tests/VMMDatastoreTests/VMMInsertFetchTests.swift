import Foundation
import Postgres
import Testing
import VMMDatastore
import VMMModel

@Suite struct `Inserting and fetching VMMs` {
    @Test func `every state and reason comes back as it was stored`() async throws {
        try await DatastoreHarness.run { harness in
            for state in Sample.everyState {
                let vmm = try await harness.insert(state)
                #expect(try await harness.datastore.fetchVMM(vmm.id) == vmm)
                let stored = try await harness.storedState(of: vmm.id)
                #expect(stored.state == state.label)
                #expect(stored.reason == state.failureReason?.label)
            }
        }
    }

    @Test func `inserting the same VMM again finds the existing row`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.creating)
            #expect(try await harness.datastore.insert(vmm) == .existing(vmm))
        }
    }

    @Test func `a VMM with a known identifier leaves the existing row untouched`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running, generation: 7)
            let other = VMM.new(
                id: vmm.id,
                instanceID: InstanceID(),
                sledID: SledID(),
                propolisIP: try #require(IPAddress("10.0.0.1")),
                cpuPlatform: .sledDefault
            )
            #expect(try await harness.datastore.insert(other) == .existing(vmm))
            #expect(try await harness.datastore.fetchVMM(vmm.id) == vmm)
        }
    }

    @Test func `inserting finds a deleted row too`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.destroyed, deletedAt: try Sample.time(5))
            #expect(try await harness.datastore.insert(vmm) == .existing(vmm))
        }
    }

    @Test func `an insert that waited for another session's insert finds that row`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try Sample.vmm(.creating)
            let outcome = try await harness.pool.withConnection { connection in
                try await connection.execute(script: "BEGIN")
                try await connection.query(
                    """
                    INSERT INTO vmm (id, time_created, instance_id, time_state_updated, state_generation, sled_id,
                      propolis_ip, state, cpu_platform)
                    VALUES (\(vmm.id), now(), gen_random_uuid(), now(), 3, gen_random_uuid(), '::1', 'running',
                      'sled_default')
                    """
                )
                async let waiting = harness.datastore.insert(vmm)
                try await harness.waitForBlockedSession()
                try await connection.execute(script: "COMMIT")
                return try await waiting
            }
            guard case .existing(let row) = outcome else {
                Issue.record("unexpected \(outcome)")
                return
            }
            #expect(row.id == vmm.id)
            #expect(row.runtime.state == .running)
        }
    }

    @Test func `many inserts of one VMM at once make one row`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try Sample.vmm()
            let outcomes = try await withThrowingTaskGroup(of: InsertOutcome<VMM>.self) { group in
                for _ in 0..<16 { group.addTask { try await harness.datastore.insert(vmm) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 == .inserted(vmm) } == 1)
            #expect(outcomes.count { $0 == .existing(vmm) } == 15)
        }
    }

    @Test func `an unknown VMM is not found`() async throws {
        try await DatastoreHarness.run { harness in
            let id = VMMID()
            let error = await #expect(throws: DatastoreError.self) { try await harness.datastore.fetchVMM(id) }
            #expect(error?.code == .notFound)
            #expect(error?.id == id.uuid)
            #expect(error?.description.contains(id.description) == true)
        }
    }

    @Test func `a deleted VMM is found only when asked for`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.failed(.sledOff), deletedAt: try Sample.time(1))
            let error = await #expect(throws: DatastoreError.self) { try await harness.datastore.fetchVMM(vmm.id) }
            #expect(error?.code == .notFound)
            #expect(error?.description.contains("deleted") == true)
            #expect(try await harness.datastore.fetchVMM(vmm.id, includingDeleted: true) == vmm)
        }
    }

    @Test(arguments: [Timestamp.min.microsecondsSince1970, -1, 0, 1, 253_402_300_799_999_999, Int64.max])
    func `times are exact to the microsecond`(microseconds: Int64) async throws {
        try await DatastoreHarness.run { harness in
            var vmm = try Sample.vmm(.failed(.fromSledAgent))
            vmm.timeDeleted = try Sample.time(microseconds)
            vmm.runtime.timeUpdated = try Sample.time(microseconds)
            #expect(try await harness.datastore.insert(vmm) == .inserted(vmm))
            #expect(try await harness.datastore.fetchVMM(vmm.id, includingDeleted: true) == vmm)
        }
    }

    @Test(arguments: ["0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::ffff:10.0.0.1", "fd00:1122:3344:101::a"])
    func `addresses of both families come back`(text: String) async throws {
        try await DatastoreHarness.run { harness in
            let vmm = VMM.new(
                instanceID: InstanceID(),
                sledID: SledID(),
                propolisIP: try #require(IPAddress(text)),
                cpuPlatform: .amdTurinV2
            )
            #expect(try await harness.datastore.insert(vmm).row.propolisIP == vmm.propolisIP)
            let shown = try await harness.pool.query("SELECT host(propolis_ip) FROM vmm").one().decode(String.self)
            #expect(IPAddress(shown) == vmm.propolisIP)
        }
    }

    @Test(arguments: [UInt16.min, 12_400, .max], VMMCPUPlatform.allCases)
    func `ports and CPU platforms come back`(port: UInt16, platform: VMMCPUPlatform) async throws {
        try await DatastoreHarness.run { harness in
            let vmm = VMM.new(
                instanceID: InstanceID(),
                sledID: SledID(),
                propolisIP: try #require(IPAddress("::1")),
                propolisPort: port,
                cpuPlatform: platform
            )
            #expect(try await harness.datastore.insert(vmm) == .inserted(vmm))
            #expect(try await harness.datastore.fetchVMM(vmm.id) == vmm)
        }
    }

    @Test func `the last generation comes back`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.running, generation: .max)
            #expect(try await harness.datastore.fetchVMM(vmm.id).runtime.generation == .last)
        }
    }
}
