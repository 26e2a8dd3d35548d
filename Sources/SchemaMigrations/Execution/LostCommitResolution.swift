import Postgres

/// Finds out whether a step whose COMMIT was not answered has happened.
struct LostCommitResolution: Sendable {
    let step: PlannedStep
    let store: HistoryStore

    /// How long a transaction may stay undecided on the server before the runner gives up asking.
    private static let patience: Duration = .seconds(60)

    /// - Returns: The step's timing when the server committed it.
    /// - Throws: ``MigrationError``: rolled back (running again is right), or not decided in time.
    func resolve(
        _ lost: LostCommit,
        _ token: FencingToken,
        on connection: PostgresConnection
    ) async throws -> StepTiming {
        var transaction = TransactionOptions()
        transaction.settings["lock_timeout"] = "\(Self.patience.wholeMilliseconds)"
        do {
            let isApplied = try await connection.withTransaction(transaction) { connection in
                try await store.isApplied(step, by: token, connection)
            }
            if isApplied { return lost.timing }
        } catch let error as PostgresError where error.sqlState == .lockNotAvailable {
            throw undecided(lost)
        }
        throw MigrationError(
            .connectionLost,
            "the connection was lost at the COMMIT of \(step.label), and the server rolled it back",
            hint: "run \"migrate up\" again",
            underlying: lost.error
        )
    }

    private func undecided(_ lost: LostCommit) -> MigrationError {
        MigrationError(
            .connectionLost,
            "the connection was lost at the COMMIT of \(step.label), and its transaction is still open on the server",
            hint: "run \"migrate up\" again: it reads from the history whether the step was applied",
            underlying: lost.error
        )
    }
}
