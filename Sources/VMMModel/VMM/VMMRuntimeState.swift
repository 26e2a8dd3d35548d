/// The part of a VMM that changes while it lives, guarded as a whole by its generation.
///
/// In JSON: `{"state": "running", "gen": 3, "time_updated": "2026-08-21T12:00:00Z"}`.
public struct VMMRuntimeState: Hashable, Sendable, Codable {
    /// The state, with the reason of a failure.
    public var state: VMMState

    /// The version of this value; the database accepts only a strictly newer one.
    public var generation: Generation

    /// When the state last changed, by the clock of whoever changed it.
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

    /// The runtime state that follows when the VMM goes to another state.
    ///
    /// Going to the same state changes nothing: the result is equal to this value, generation and time included.
    /// Failures for different reasons are different states. Which states may follow which is not decided here; a VMM
    /// can leave a terminal state when its sled-agent says so.
    ///
    /// - Parameters:
    ///   - newState: The state to go to.
    ///   - time: When the change happened.
    /// - Returns: This value itself, or the new state at the next generation.
    /// - Throws: ``GenerationError/exhausted`` when the state changes and there is no generation left.
    public func transition(to newState: VMMState, at time: Timestamp = .now()) throws(GenerationError) -> Self {
        guard newState != state else { return self }
        return VMMRuntimeState(state: newState, generation: try generation.next(), timeUpdated: time)
    }
}
