import Postgres

/// Makes an attempt known before its step does anything, once: by a message of its own, or in front of another.
final class AttemptBeginning: Sendable {
    private let step: PlannedStep
    private let attempt: AttemptKey
    private let store: HistoryStore
    /// Who runs, for the attempt log.
    private let runner: String
    private let mayBePaused: Bool
    private let report: @Sendable (MigrationEvent) -> Void
    private let begun = Lock(false)

    init(
        of step: PlannedStep,
        _ attempt: AttemptKey,
        store: HistoryStore,
        runner: String,
        mayBePaused: Bool = true,
        report: @escaping @Sendable (MigrationEvent) -> Void
    ) {
        self.step = step
        self.attempt = attempt
        self.store = store
        self.runner = runner
        self.mayBePaused = mayBePaused
        self.report = report
    }

    var hasBegun: Bool { begun.withLock { $0 } }

    /// For the front of a message, whose tags ``take(_:)`` has to see; nil when the attempt is known already.
    var script: String? {
        hasBegun ? nil : store.beginning(of: attempt, step, runner: runner, mayBePaused: mayBePaused)
    }

    /// Takes in the tags of the message that began with ``script``.
    ///
    /// - Returns: False when nothing was begun, and nothing may be done: ``send(on:)`` says why.
    func take(_ tags: [CommandTag]) -> Bool {
        guard !hasBegun else { return true }
        guard HistoryStore.hasBegun(tags) else { return false }
        begun.withLock { $0 = true }
        report(.stepStarted(step.identity))
        return true
    }

    /// Makes the attempt known by a message of its own, if it is not.
    ///
    /// - Throws: ``MigrationError`` of code `paused` when somebody has asked runs to pause, `fenced` when another runner
    ///   has taken over.
    func send(on connection: PostgresConnection) async throws {
        while let script {
            guard !take(try await connection.execute(script: script)) else { return }
            if mayBePaused { try await store.request(connection).refusePause() }
            // Else the runs may go on by now, unless it was not that.
            try await store.prove(attempt.token, activity: step.label, connection)
        }
    }
}
