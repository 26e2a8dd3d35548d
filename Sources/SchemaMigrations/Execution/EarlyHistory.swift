package import Postgres

/// A connection, and what was applied to its database, on their way while something else is done.
///
/// What goes wrong is told to whoever takes them.
package struct EarlyHistory: Sendable {
    private let task: Task<(connection: PostgresConnection, history: MigrationHistory), any Error>

    /// Begins to connect to the database of a run that keeps its history in `schema`.
    package init(_ database: PostgresConfiguration, schema: String) {
        self.init(Migrator.configuration(for: database), HistoryStore(schema: schema))
    }

    init(_ configuration: PostgresConfiguration, _ store: HistoryStore) {
        // On Linux each priority has threads of its own: these are free while those of the usual one read files.
        task = Task(priority: .high) {
            let connection = try await PostgresConnection.connect(to: configuration)
            do {
                return (connection, try await store.readAlone(connection))
            } catch {
                await connection.close()
                throw error
            }
        }
    }

    /// The connection, which is the caller's to close, and the history as it was then.
    func take() async throws -> (connection: PostgresConnection, history: MigrationHistory) {
        try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    /// Gives up, and leaves no connection behind.
    package func abandon() async {
        task.cancel()
        if let (connection, _) = try? await task.value { await connection.close() }
    }
}
