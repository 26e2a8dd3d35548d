import Postgres

/// What is applied now, and who is at it.
public struct MigrationSituation: Sendable, Equatable {
    /// What was applied.
    public let history: MigrationHistory
    /// The runner that holds the lock now; nil when nobody does.
    public let runner: RunnerActivity?
    /// What people ask of runs.
    public let request: RunRequest
    /// The services that are registered now, the oldest release first.
    public internal(set) var services: [RegisteredService] = []
}

extension Migrator {
    /// What is applied now, and who is at it, in one read-only transaction and without a lock.
    ///
    /// - Throws: ``MigrationError``.
    public func situation() async throws -> MigrationSituation {
        try await onConnection { connection in
            try await connection.withTransaction(.readOnly) { connection in
                let history = try await store.read(connection)
                let services = try await ServiceRegistry(schema: store.schema).services(connection)
                guard try await store.exists(connection) else {
                    return MigrationSituation(history: history, runner: nil, request: RunRequest(), services: services)
                }
                return MigrationSituation(
                    history: history,
                    runner: try await store.presentRunner(connection),
                    request: try await store.request(connection),
                    services: services
                )
            }
        }
    }
}

extension HistoryStore {
    /// The runner that holds the lock now.
    func presentRunner(_ connection: PostgresConnection) async throws -> RunnerActivity? {
        let isHeld = try await connection.query(once(MigrationLock.isHeld(schema: schema))).one().decode(Bool.self)
        return isHeld ? try await activity(connection) : nil
    }
}
