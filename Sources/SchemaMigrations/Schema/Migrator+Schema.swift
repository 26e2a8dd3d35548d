import Postgres

extension Migrator {
    /// Reads the database's schema, without the engine's bookkeeping; any role may.
    ///
    /// ```swift
    /// let snapshot = try await migrator.schema()
    /// print(snapshot.fingerprint)  // catalog1-pg15-sha256:5f2a…
    /// ```
    ///
    /// - Throws: ``MigrationError``.
    public func schema() async throws -> SchemaSnapshot {
        try await onConnection { connection in
            try await SchemaReader(bookkeepingSchema: store.schema).snapshot(connection)
        }
    }

    /// Lends a connection to `body`, and describes what it throws.
    func onConnection<Value: Sendable>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        do {
            return try await PostgresConnection.withConnection(to: configuration, body)
        } catch {
            throw MigrationError.describing(error)
        }
    }
}
