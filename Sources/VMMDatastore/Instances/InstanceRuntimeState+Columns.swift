import Postgres
import VMMModel

// Everything that the runtime state of an instance has to do with columns; the only place where the two columns of the
// state meet the one type `InstanceState`.

extension InstanceRuntimeState {
    /// The columns, in the order in which they are read; each is written by each update, as NULL where there is nothing.
    static let columns: [BoundColumn<InstanceRuntimeState>] = [
        BoundColumn("state", at: 18) { $0.state.kind },
        BoundColumn("active_propolis_id", at: 10) { $0.state.activeVMMID },
        BoundColumn("state_generation", at: 9) { $0.generation },
        BoundColumn("time_state_updated", at: 8) { $0.timeUpdated },
        BoundColumn("target_propolis_id", at: 11) { $0.targetVMMID },
        BoundColumn("migration_id", at: 12) { $0.liveMigrationID },
        BoundColumn("time_last_auto_restarted", at: 19) { $0.timeLastAutoRestarted },
    ]

    /// Reads the columns.
    ///
    /// - Throws: `PostgresError` of code `decodingFailed` when state and active VMM do not belong together.
    static func read(from columns: inout PostgresRecordColumns) throws(PostgresError) -> InstanceRuntimeState {
        let kind: InstanceState.Kind = try columns.next()
        let activeVMMID: VMMID? = try columns.next()
        let state: InstanceState
        do throws(InstanceStateError) {
            state = try InstanceState(kind: kind, activeVMMID: activeVMMID)
        } catch {
            throw PostgresError(.decodingFailed, error.description)
        }
        return InstanceRuntimeState(
            state: state,
            generation: try columns.next(),
            timeUpdated: try columns.next(),
            targetVMMID: try columns.next(),
            liveMigrationID: try columns.next(),
            timeLastAutoRestarted: try columns.next()
        )
    }
}

extension InstanceRuntimeState: Guarded {}

extension GuardedUpdate where Row == Instance, Part == InstanceRuntimeState {
    /// The update of an instance's runtime state.
    static let instanceRuntime = GuardedUpdate(
        \Instance.runtime,
        guardColumn: "state_generation",
        columns: InstanceRuntimeState.columns
    )
}
