import Testing
import VMMDatastore
import VMMModel

@Suite struct `Lists and counts of VMMs` {
    @Test func `pages follow one another by identifier and end empty`() async throws {
        try await DatastoreHarness.run { harness in
            var inserted: [VMMID] = []
            for _ in 0..<10 { inserted.append(try await harness.insert(.running).id) }
            var listed: [VMMID] = []
            var pages = 0
            while true {
                let page = try await harness.datastore.vmms(after: listed.last, limit: 4)
                guard !page.isEmpty else { break }
                listed += page.map(\.id)
                pages += 1
            }
            #expect(listed == inserted.sorted())
            #expect(pages == 3)
            #expect(try await harness.datastore.vmms(limit: 0).isEmpty)
        }
    }

    @Test func `each condition of a filter holds`() async throws {
        try await DatastoreHarness.run { harness in
            let running = try await harness.insert(.running)
            let off = try await harness.insert(.failed(.sledOff))
            let old = try await harness.insert(.failed(.prehistoric))
            let deleted = try await harness.insert(.failed(.sledOff), deletedAt: try Sample.time(1))

            func list(_ change: (inout VMMFilter) -> Void) async throws -> Set<VMMID> {
                var filter = VMMFilter()
                change(&filter)
                return Set(try await harness.datastore.vmms(matching: filter).map(\.id))
            }
            #expect(try await list { _ in } == [running.id, off.id, old.id])
            #expect(try await list { $0.includesDeleted = true } == [running.id, off.id, old.id, deleted.id])
            #expect(try await list { $0.states = [.failed, .creating] } == [off.id, old.id])
            #expect(try await list { $0.failureReasons = [.sledOff, .sledExpunged] } == [off.id])
            #expect(try await list { $0.sledID = running.sledID } == [running.id])
            #expect(try await list { $0.instanceID = old.instanceID } == [old.id])
            #expect(
                try await list {
                    $0.states = [.failed]
                    $0.failureReasons = [.sledOff]
                    $0.sledID = off.sledID
                    $0.instanceID = off.instanceID
                } == [off.id]
            )

            try await harness.dropGuards()
            try await harness.execute("UPDATE vmm SET failure_reason = NULL WHERE failure_reason = 'prehistoric'")
            #expect(try await list { $0.failureReasons = [.prehistoric] } == [old.id])
        }
    }

    @Test func `failures are counted by reason, deleted ones apart`() async throws {
        try await DatastoreHarness.run { harness in
            _ = try await harness.insert(.running)
            for _ in 0..<3 { _ = try await harness.insert(.failed(.sledOff)) }
            _ = try await harness.insert(.failed(.noSuchInstance))
            _ = try await harness.insert(.failed(.noSuchInstance), deletedAt: try Sample.time(1))
            let counts = try await harness.datastore.countFailures()
            #expect(counts.map(\.group) == ["sled_off", "no_such_instance"])
            #expect(counts.map(\.live) == [3, 1])
            #expect(counts.map(\.deleted) == [0, 1])
            #expect(counts.map(\.total) == [3, 2])
        }
    }

    @Test func `failures are counted by sled and by day, from a time on`() async throws {
        try await DatastoreHarness.run { harness in
            let old = try await harness.insert(.failed(.sledOff))
            let new = try await harness.insert(.failed(.sledOff))
            for (vmm, time) in [(old, "2026-08-20 23:59:59.999999Z"), (new, "2026-08-21 00:00Z")] {
                try await harness.execute("UPDATE vmm SET time_state_updated = '\(time)' WHERE id = '\(vmm.id)'")
            }
            let days = try await harness.datastore.countFailures(by: .day)
            #expect(days.map(\.group) == ["2026-08-20", "2026-08-21"])
            let midnight = try #require(Timestamp("2026-08-21T00:00:00Z"))
            let sleds = try await harness.datastore.countFailures(by: .sled, since: midnight)
            #expect(sleds.map(\.group) == [new.sledID.description])
        }
    }
}
