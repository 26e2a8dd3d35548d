/// The forms in which sled-agents speak of VMMs.
///
/// They are not the domain's: a sled-agent knows eight states, and its `failed` has no reason.
public enum SledAgent {}

extension SledAgent {
    /// The state of a VMM as its sled-agent sees it.
    public enum VMMState: String, Labeled {
        /// The VMM is starting.
        case starting

        /// The guest is running.
        case running

        /// The VMM is shutting down.
        case stopping

        /// The VMM has shut down and still exists.
        case stopped

        /// The guest is rebooting.
        case rebooting

        /// The VMM is the source or the target of a live migration.
        case migrating

        /// The VMM failed; there is no finer detail.
        case failed

        /// The VMM was destroyed.
        case destroyed

        /// What error messages call one of these values.
        public static let labelMeaning = "sled-agent VMM state"
    }

    /// The state of a VMM with its generation and time, as its sled-agent sends it.
    ///
    /// In JSON: `{"state": "failed", "gen": 3, "time_updated": "2026-08-21T12:00:00Z"}`.
    public struct VMMRuntimeState: Hashable, Sendable, Codable {
        /// The state.
        public var state: VMMState

        /// The version of the state, minted by the sled-agent.
        public var generation: Generation

        /// When the state last changed, by the sled's clock.
        public var timeUpdated: Timestamp

        private enum CodingKeys: String, CodingKey {
            case state
            case generation = "gen"
            case timeUpdated = "time_updated"
        }

        /// Creates a runtime state from its parts.
        public init(state: VMMState, generation: Generation, timeUpdated: Timestamp) {
            self.state = state
            self.generation = generation
            self.timeUpdated = timeUpdated
        }
    }

    /// Everything that a sled-agent reports about a VMM at once.
    ///
    /// In JSON: `{"vmm_state": {…}, "migration_in": {…}, "migration_out": {…}}`; the live migrations may be missing or
    /// null.
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
}
