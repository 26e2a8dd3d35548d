import Testing
import VMMDatastore
import VMMModel

@Suite struct `Abandoned VMMs` {
    /// What the instance's row says about a VMM.
    enum Link: CaseIterable {
        case noInstance
        case noReference
        case active
        case target
        case both
    }

    /// Every combination, and whether the VMM is abandoned in it.
    private static func isAbandoned(_ state: VMMState.Kind, isDeleted: Bool, _ link: Link, instanceIsDeleted: Bool)
        -> Bool
    {
        let mayGo: Bool =
            switch state {
            case .failed, .destroyed, .sagaUnwound: true
            case .creating, .starting, .running, .stopping, .stopped, .rebooting, .migrating: false
            }
        let isHeld: Bool =
            switch link {
            case .noInstance, .noReference: false
            case .active, .target, .both: !instanceIsDeleted
            }
        return mayGo && !isDeleted && !isHeld
    }

    @Test func `the list is what the truth table says`() async throws {
        try await DatastoreHarness.run { harness in
            var expected: Set<VMMID> = []
            var count = 0
            for kind in VMMState.Kind.allCases {
                for isDeleted in [false, true] {
                    for link in Link.allCases {
                        for instanceIsDeleted in [false, true] {
                            let state: VMMState =
                                try kind == .failed ? .failed(.sledOff) : VMMState(kind: kind, failureReason: nil)
                            let vmm = try await harness.insert(state, deletedAt: isDeleted ? try Sample.time(1) : nil)
                            try await harness.insertInstance(of: vmm, link, isDeleted: instanceIsDeleted)
                            count += 1
                            if Self.isAbandoned(kind, isDeleted: isDeleted, link, instanceIsDeleted: instanceIsDeleted)
                            {
                                expected.insert(vmm.id)
                            }
                        }
                    }
                }
            }
            #expect(count == 200)
            #expect(expected.count == 21)
            let listed = try await harness.datastore.vmms(matching: .abandoned, limit: 1_000).map(\.id)
            #expect(listed == expected.sorted())

            var paged: [VMMID] = []
            while true {
                let page = try await harness.datastore.vmms(matching: .abandoned, after: paged.last, limit: 4)
                guard !page.isEmpty else { break }
                paged += page.map(\.id)
            }
            #expect(paged == listed)
            let streamed = try await harness.datastore.withVMMs(matching: .abandoned) { vmms in
                var ids: [VMMID] = []
                for try await vmm in vmms { ids.append(vmm.id) }
                return ids
            }
            #expect(streamed == listed)
        }
    }

    @Test func `a VMM that another instance names is abandoned all the same`() async throws {
        try await DatastoreHarness.run { harness in
            let vmm = try await harness.insert(.destroyed)
            let other = try await harness.insert(.running)
            try await harness.insertInstance(Sample.instanceRow(other.instanceID, target: vmm.id))
            #expect(try await harness.datastore.vmms(matching: .abandoned).map(\.id) == [vmm.id])
        }
    }
}

extension DatastoreHarness {
    fileprivate func insertInstance(of vmm: VMM, _ link: `Abandoned VMMs`.Link, isDeleted: Bool) async throws {
        var row = Sample.instanceRow(vmm.instanceID)
        switch link {
        case .noInstance: return
        case .noReference: break
        case .active: row.runtime.state = .vmm(vmm.id)
        case .target: row.runtime.targetVMMID = vmm.id
        case .both:
            row.runtime.state = .vmm(vmm.id)
            row.runtime.targetVMMID = vmm.id
        }
        if isDeleted { row.timeDeleted = try Sample.time(1) }
        try await insertInstance(row)
    }
}
