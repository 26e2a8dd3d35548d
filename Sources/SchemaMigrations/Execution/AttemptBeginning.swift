import Postgres

/// Makes an attempt known before its step does anything, once: by a message of its own, or in front of another.
final class AttemptBeginning: Sendable {
    private let step: PlannedStep
    private let attempt: AttemptKey
    private let store: HistoryStore
    /// Who runs, for the attempt log.
    private let runner: String
    private let report: @Sendable (MigrationEvent) -> Void
    private let begun = Lock(false)

    init(
        of step: PlannedStep,
        _ attempt: AttemptKey,
        store: HistoryStore,
        runner: String,
        report: @escaping @Sendable (MigrationEvent) -> Void
    ) {
        self.step = step
        self.attempt = attempt
        self.store = store
        self.runner = runner
        self.report = report
    }

    var hasBegun: Bool { begun.withLock { $0 } }

    /// For the front of a message, whose tags ``take(_:)`` has to see; nil when the attempt is known already.
    var script: String? {
        hasBegun ? nil : store.beginning(of: attempt, step, runner: runner, mayBePaused: true)
    }

    /// Takes in the tags of the message that began with ``script``.
    ///
    /// - Returns: False when somebody has asked runs to pause: nothing was begun, and nothing may be done.
    /// - Throws: ``MigrationError`` of code `fenced` when another runner has taken over.
    func take(_ tags: [CommandTag]) throws(MigrationError) -> Bool {
        guard !hasBegun else { return true }
        guard try HistoryStore.hasBegun(tags) else { return false }
        begun.withLock { $0 = true }
        report(.stepStarted(step.identity))
        return true
    }

    /// Makes the attempt known by a message of its own, if it is not.
    ///
    /// - Throws: ``MigrationError`` of code `paused` when somebody has asked runs to pause; `fenced`.
    func send(on connection: PostgresConnection) async throws {
        while let script {
            guard try take(try await connection.execute(script: script)) else {
                try await store.request(connection).refusePause()
                continue
            }
        }
    }
}
