/// What a sled-agent reports about its side of a live migration.
///
/// The sled-agent's form and the domain's are the same. In JSON:
/// `{"migration_id": …, "state": "in_progress", "gen": 2, "time_updated": "2026-08-21T12:00:00Z"}`.
public struct LiveMigrationRuntimeState: Hashable, Sendable, Codable {
    /// The live migration.
    public var liveMigrationID: LiveMigrationID

    /// How far the reporting side has come.
    public var state: LiveMigrationState

    /// The version of the side's state, minted by its sled-agent.
    public var generation: Generation

    /// When the side's state last changed, by the sled's clock.
    public var timeUpdated: Timestamp

    private enum CodingKeys: String, CodingKey {
        case liveMigrationID = "migration_id"
        case state
        case generation = "gen"
        case timeUpdated = "time_updated"
    }

    /// Creates a report from its parts.
    public init(
        liveMigrationID: LiveMigrationID,
        state: LiveMigrationState,
        generation: Generation,
        timeUpdated: Timestamp
    ) {
        self.liveMigrationID = liveMigrationID
        self.state = state
        self.generation = generation
        self.timeUpdated = timeUpdated
    }
}
