import VMMDatastore
import VMMModel

/// An instance as the command's JSON has it; each field is always there, as null where there is nothing.
struct InstanceReport: Encodable {
    let snapshot: InstanceSnapshot

    private enum CodingKeys: String, CodingKey {
        case id
        case name
        case projectID = "project_id"
        case effectiveState = "effective_state"
        case state
        case generation
        case intendedState = "intended_state"
        case updatedAt = "updated_at"
        case createdAt = "created_at"
        case deletedAt = "deleted_at"
        case updaterID = "updater_id"
        case updaterGeneration = "updater_generation"
        case activeVMM = "active_vmm"
        case targetVMM = "target_vmm"
        case liveMigration = "live_migration"
        case warnings
    }

    func encode(to encoder: any Encoder) throws {
        let instance = snapshot.instance
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(instance.id, forKey: .id)
        try object.encode(instance.name, forKey: .name)
        try object.encode(instance.projectID, forKey: .projectID)
        try object.encode(snapshot.externalState, forKey: .effectiveState)
        try object.encode(instance.runtime.state.kind, forKey: .state)
        try object.encode(instance.runtime.generation, forKey: .generation)
        try object.encode(instance.intendedState, forKey: .intendedState)
        try object.encode(instance.runtime.timeUpdated, forKey: .updatedAt)
        try object.encode(instance.timeCreated, forKey: .createdAt)
        try object.encode(instance.timeDeleted, forKey: .deletedAt)
        try object.encode(instance.updaterID, forKey: .updaterID)
        try object.encode(instance.updaterGeneration, forKey: .updaterGeneration)
        try object.encode(Self.report(snapshot.activeVMM), forKey: .activeVMM)
        try object.encode(Self.report(snapshot.targetVMM), forKey: .targetVMM)
        try object.encode(snapshot.liveMigration.map(LiveMigrationReport.init), forKey: .liveMigration)
        try object.encode(snapshot.danglingReferences.map(\.description), forKey: .warnings)
    }

    private static func report(_ vmm: VMM?) -> VMMReport? {
        vmm.map(VMMReport.init)
    }
}

/// A live migration as the command's JSON has it.
private struct LiveMigrationReport: Encodable {
    let migration: LiveMigration

    private enum CodingKeys: String, CodingKey {
        case id
        case createdAt = "created_at"
        case deletedAt = "deleted_at"
        case source
        case target
    }

    private enum SideKeys: String, CodingKey {
        case vmmID = "vmm_id"
        case state
        case generation
        case updatedAt = "updated_at"
    }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(migration.id, forKey: .id)
        try object.encode(migration.timeCreated, forKey: .createdAt)
        try object.encode(migration.timeDeleted, forKey: .deletedAt)
        for (key, side) in [(CodingKeys.source, migration.source), (.target, migration.target)] {
            var nested = object.nestedContainer(keyedBy: SideKeys.self, forKey: key)
            try nested.encode(side.vmmID, forKey: .vmmID)
            try nested.encode(side.state, forKey: .state)
            try nested.encode(side.generation, forKey: .generation)
            try nested.encode(side.timeUpdated, forKey: .updatedAt)
        }
    }
}
