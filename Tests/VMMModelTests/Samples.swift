import Testing
import VMMModel

/// Values that tests share where their own do not matter.
enum Sample {
    static let uuidText = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

    static func time(_ microseconds: Int64) throws -> Timestamp {
        try Timestamp(microsecondsSince1970: microseconds)
    }

    static func runtime(_ state: VMMState, _ generation: Int64 = 1, at microseconds: Int64 = 0) throws
        -> VMMRuntimeState
    {
        VMMRuntimeState(state: state, generation: try Generation(generation), timeUpdated: try time(microseconds))
    }

    static func vmm(_ state: VMMState, updatedAt microseconds: Int64 = 0) throws -> VMM {
        let address = try #require(IPAddress("fd00::1"))
        var vmm = VMM.new(instanceID: InstanceID(), sledID: SledID(), propolisIP: address, cpuPlatform: .sledDefault)
        vmm.runtime = try runtime(state, at: microseconds)
        return vmm
    }

    static func instance(_ state: InstanceState, updatedAt microseconds: Int64 = 0) throws -> Instance {
        var instance = Instance.new(projectID: ProjectID(), name: "web", startRequested: true)
        instance.runtime = InstanceRuntimeState(
            state: state,
            generation: .first,
            timeUpdated: try time(microseconds)
        )
        return instance
    }

    static func liveMigration(source: LiveMigrationState, target: LiveMigrationState) -> LiveMigration {
        var migration = LiveMigration.new(instanceID: InstanceID(), from: VMMID(), to: VMMID())
        migration.source.state = source
        migration.target.state = target
        return migration
    }

    /// Every VMM state, failures once for each reason.
    static let everyState: [VMMState] =
        [.creating, .starting, .running, .stopping, .stopped, .rebooting, .migrating, .destroyed, .sagaUnwound]
        + VMMFailureReason.allCases.map(VMMState.failed)
}
