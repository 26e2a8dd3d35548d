/// A run that is under way, with its events as a sequence.
///
/// ```swift
/// let run = migrator.start()
/// for await event in run.events { print(event) }
/// let result = try await run.result
/// ```
public struct MigrationRun: Sendable {
    /// What happens, from the beginning; ends when the run does.
    ///
    /// It can be read once, and keeps what is not read yet.
    public let events: AsyncStream<MigrationEvent>
    private let task: Task<MigrationResult, any Error>

    init(_ migrator: Migrator, _ target: MigrationTarget, _ phase: PhaseSelection) {
        let (events, continuation) = AsyncStream.makeStream(of: MigrationEvent.self)
        self.events = events
        task = Task {
            defer { continuation.finish() }
            return try await migrator.up(to: target, phase: phase) { continuation.yield($0) }
        }
    }

    /// What the run came to; waits for its end.
    ///
    /// A task that is cancelled while it waits does not stop the run; ``cancel()`` does.
    public var result: MigrationResult {
        get async throws { try await task.value }
    }

    /// Stops the run at its next safe point; ``result`` then throws ``MigrationError`` of code `interrupted`.
    public func cancel() {
        task.cancel()
    }
}

extension Migrator {
    /// Begins to apply what is pending, in a task of its own; see ``up(to:phase:report:)``.
    ///
    /// - Parameters:
    ///   - target: How far; by default everything.
    ///   - phase: Whether contract migrations are included.
    /// - Returns: The run, with its events.
    public func start(
        to target: MigrationTarget = .latest,
        phase: PhaseSelection = .expand
    ) -> MigrationRun {
        MigrationRun(self, target, phase)
    }
}
