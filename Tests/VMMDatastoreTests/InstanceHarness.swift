import Foundation
import Postgres
import Testing
import VMMDatastore
import VMMModel

extension Sample {
    /// An instance as a row of the table.
    static func instanceRow(
        _ id: InstanceID = InstanceID(),
        active: VMMID? = nil,
        target: VMMID? = nil,
        generation: Int64 = 1
    ) -> Instance {
        let time = Timestamp(exactly: 1_700_000_000_000_001)
        var instance = Instance.new(id: id, projectID: ProjectID(), name: "i-\(id)", startRequested: true, at: time)
        instance.runtime.state = active.map(InstanceState.vmm) ?? .noVMM
        instance.runtime.targetVMMID = target
        instance.runtime.generation = (try? Generation(generation)) ?? .first
        return instance
    }
}

extension Timestamp {
    init(exactly microseconds: Int64) {
        self = (try? Timestamp(microsecondsSince1970: microseconds)) ?? .min
    }
}

extension DatastoreSite {
    /// Inserts an instance as the service that owns the other columns does.
    func insertInstance(_ instance: Instance) async throws {
        let runtime = instance.runtime
        let cooldown = instance.autoRestartCooldown.flatMap(PostgresInterval.init(exactly:))
        try await pool.query(
            """
            INSERT INTO instance (id, name, description, time_created, time_modified, time_deleted, project_id,
              time_state_updated, state_generation, active_propolis_id, target_propolis_id, migration_id, ncpus, memory,
              hostname, updater_id, updater_gen, state, time_last_auto_restarted, auto_restart_policy,
              auto_restart_cooldown, intended_state, cpu_platform, enable_jumbo_frames)
            VALUES (\(instance.id), \(instance.name), '', \(instance.timeCreated), \(instance.timeModified),
              \(instance.timeDeleted), \(instance.projectID), \(runtime.timeUpdated), \(runtime.generation),
              \(runtime.activeVMMID), \(runtime.targetVMMID), \(runtime.liveMigrationID), 2, 4294967296, 'host',
              \(instance.updaterID), \(instance.updaterGeneration), \(runtime.state.kind),
              \(runtime.timeLastAutoRestarted), \(instance.autoRestartPolicy), \(cooldown),
              \(instance.intendedState), \(instance.cpuPlatform), false)
            """
        )
    }
}
