/// Everything that a sled-agent reported about a VMM at once, in the domain's terms.
///
/// In JSON it has the fields of ``SledAgent/SledVMMState``, with the domain's form of the state.
public struct SledVMMState: Hashable, Sendable, Codable {
    /// The VMM's state.
    public var vmmState: VMMRuntimeState

    /// The live migration of which the VMM is the target; `nil` when there is none.
    public var migrationIn: LiveMigrationRuntimeState?

    /// The live migration of which the VMM is the source; `nil` when there is none.
    public var migrationOut: LiveMigrationRuntimeState?

    private enum CodingKeys: String, CodingKey {
        case vmmState = "vmm_state"
        case migrationIn = "migration_in"
        case migrationOut = "migration_out"
    }

    /// Creates a report from its parts.
    public init(
        vmmState: VMMRuntimeState,
        migrationIn: LiveMigrationRuntimeState? = nil,
        migrationOut: LiveMigrationRuntimeState? = nil
    ) {
        self.vmmState = vmmState
        self.migrationIn = migrationIn
        self.migrationOut = migrationOut
    }
}
