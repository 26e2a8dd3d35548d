import Postgres

/// Finds out whether a step whose COMMIT was not answered has happened.
struct LostCommitResolution: Sendable {
    let step: PlannedStep
    let store: HistoryStore

    /// How long a transaction may stay undecided on the server before the runner gives up asking.
    private static let patience: Duration = .seconds(60)

    /// - Returns: The step's timing when the server committed it.
    /// - Throws: ``MigrationError``: rolled back (running again is right), or unknown to the server.
    func resolve(_ lost: LostCommit, on connection: PostgresConnection) async throws -> StepTiming {
        let deadline = ContinuousClock.now + Self.patience
        while true {
            switch try await fate(of: lost, connection) {
            case "committed":
                return lost.timing
            case "aborted":
                throw MigrationError(
                    .connectionLost,
                    "the connection was lost at the COMMIT of \(step.label), and the server rolled it back",
                    hint: "run \"migrate up\" again",
                    underlying: lost.error
                )
            default:
                guard ContinuousClock.now < deadline else { throw undecided(lost) }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    private func fate(of lost: LostCommit, _ connection: PostgresConnection) async throws -> String? {
        guard let transaction = lost.transaction else { throw undecided(lost) }
        let rows = try await connection.query(store.once("SELECT pg_xact_status(\(transaction))"))
        return try rows.one().decode(at: 0)
    }

    private func undecided(_ lost: LostCommit) -> MigrationError {
        MigrationError(
            .connectionLost,
            "the connection was lost at the COMMIT of \(step.label), and the server does not say how it ended",
            hint: "run \"migrate up\" again: it reads from the history whether the step was applied",
            underlying: lost.error
        )
    }
}
