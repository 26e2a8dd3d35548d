/// The move of a running instance from one VMM to another, usually on a different sled.
///
/// Each side is reported by its own sled-agent and therefore has its own generation; nothing orders the two sides'
/// reports.
public struct LiveMigration: Hashable, Sendable, Identifiable {
    /// One side of a live migration, reported by the sled-agent of its VMM.
    public struct Side: Hashable, Sendable {
        /// The VMM that is this side.
        public let vmmID: VMMID

        /// How far the side has come.
        public var state: LiveMigrationState

        /// The version of state and time; the database accepts only a strictly newer one.
        public var generation: Generation

        /// When the sled-agent last reported; `nil` until it does.
        public var timeUpdated: Timestamp?

        /// Creates a side from its parts.
        public init(vmmID: VMMID, state: LiveMigrationState, generation: Generation, timeUpdated: Timestamp?) {
            self.vmmID = vmmID
            self.state = state
            self.generation = generation
            self.timeUpdated = timeUpdated
        }
    }

    /// The live migration's own identifier.
    public let id: LiveMigrationID

    /// The instance that moves.
    public let instanceID: InstanceID

    /// When the row was made.
    public let timeCreated: Timestamp

    /// When the row was marked deleted; `nil` while the live migration counts.
    public var timeDeleted: Timestamp?

    /// The side that the instance leaves.
    public var source: Side

    /// The side that the instance goes to.
    public var target: Side

    /// Creates a live migration from all its parts, such as a row of the database.
    ///
    /// For one that does not exist yet, use ``new(id:instanceID:from:to:at:)``.
    public init(
        id: LiveMigrationID,
        instanceID: InstanceID,
        timeCreated: Timestamp,
        timeDeleted: Timestamp?,
        source: Side,
        target: Side
    ) {
        self.id = id
        self.instanceID = instanceID
        self.timeCreated = timeCreated
        self.timeDeleted = timeDeleted
        self.source = source
        self.target = target
    }

    /// A live migration that is about to begin: both sides pending, at the first generation, never reported.
    ///
    /// - Parameters:
    ///   - id: The live migration's identifier, by default a new one.
    ///   - instanceID: The instance that moves.
    ///   - source: The VMM that the instance leaves.
    ///   - target: The VMM that the instance goes to.
    ///   - now: When it is created.
    /// - Returns: The live migration, ready to be inserted.
    public static func new(
        id: LiveMigrationID = LiveMigrationID(),
        instanceID: InstanceID,
        from source: VMMID,
        to target: VMMID,
        at now: Timestamp = .now()
    ) -> LiveMigration {
        LiveMigration(
            id: id,
            instanceID: instanceID,
            timeCreated: now,
            timeDeleted: nil,
            source: Side(vmmID: source, state: .pending, generation: .first, timeUpdated: nil),
            target: Side(vmmID: target, state: .pending, generation: .first, timeUpdated: nil)
        )
    }

    /// Whether at least one side has failed or is done.
    public var isTerminal: Bool {
        source.state.isTerminal || target.state.isTerminal
    }

    /// Whether at least one side has failed.
    public var eitherSideFailed: Bool {
        source.state == .failed || target.state == .failed
    }

    /// Whether at least one side is done.
    public var eitherSideCompleted: Bool {
        source.state == .completed || target.state == .completed
    }
}
