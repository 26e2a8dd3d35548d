import Postgres

extension Migrator {
    /// Asks a running ``up(to:phase:report:)``, and every later one, to stop at its next safe point: between two steps,
    /// or between two batches of a backfill.
    ///
    /// Such a run ends with exit code 10 and what it has committed stays. Nobody is waited for: a step that is under
    /// way comes to its end first.
    ///
    /// - Throws: ``MigrationError`` where no run has ever been, `PostgresError`.
    public func pause() async throws {
        try await ask(pausedBy: options.holder, batchTarget: nil)
    }

    /// Allows runs again; `migrate up` then goes on where the paused one stopped.
    ///
    /// - Parameter batchTarget: How long a batch of a backfill should take from now on, also in a run that is under way;
    ///   nil leaves it as it is.
    /// - Throws: ``MigrationError`` where no run has ever been, `PostgresError`. Not being paused is not an error.
    public func resume(batchTarget: Duration? = nil) async throws {
        try await ask(pausedBy: nil, batchTarget: batchTarget)
    }

    private func ask(pausedBy: String?, batchTarget: Duration?) async throws {
        try await PostgresConnection.withConnection(to: configuration) { connection in
            try await store.ask(pausedBy: pausedBy, batchTarget: batchTarget, connection)
        }
    }
}
