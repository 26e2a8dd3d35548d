/// The part of an instance that changes as its VMMs come and go, guarded as a whole by its generation.
public struct InstanceRuntimeState: Hashable, Sendable {
    /// The state, with the active VMM.
    public var state: InstanceState

    /// The version of this value; the database accepts only a strictly newer one.
    public var generation: Generation

    /// When this value last changed.
    public var timeUpdated: Timestamp

    /// The VMM to which the instance is moving; `nil` when it is not moving.
    public var targetVMMID: VMMID?

    /// The live migration that moves the instance; `nil` when it is not moving.
    public var liveMigrationID: LiveMigrationID?

    /// When the instance was last restarted without being asked for; `nil` if never.
    public var timeLastAutoRestarted: Timestamp?

    /// The VMM that runs the instance; `nil` unless the state is `vmm`.
    public var activeVMMID: VMMID? {
        state.activeVMMID
    }

    /// Creates a runtime state from its parts.
    public init(
        state: InstanceState,
        generation: Generation,
        timeUpdated: Timestamp,
        targetVMMID: VMMID? = nil,
        liveMigrationID: LiveMigrationID? = nil,
        timeLastAutoRestarted: Timestamp? = nil
    ) {
        self.state = state
        self.generation = generation
        self.timeUpdated = timeUpdated
        self.targetVMMID = targetVMMID
        self.liveMigrationID = liveMigrationID
        self.timeLastAutoRestarted = timeLastAutoRestarted
    }
}
