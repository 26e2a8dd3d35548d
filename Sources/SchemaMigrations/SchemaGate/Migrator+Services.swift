import Postgres

extension Migrator {
    /// Every service that is registered by a ``SchemaGate`` now, the oldest release first; needs no privilege.
    ///
    /// - Throws: ``MigrationError`` when the server cannot be reached.
    public func services() async throws -> [RegisteredService] {
        try await onConnection { try await ServiceRegistry(schema: store.schema).services($0) }
    }

    /// Before a step that not every release can live with: keeps new services out until the run ends, and refuses to
    /// go on while one runs that is too old.
    ///
    /// - Throws: ``MigrationError`` of code `servicesInTheWay` naming them.
    func clearTheWay(for step: PlannedStep, _ lock: MigrationLock, _ connection: PostgresConnection) async throws {
        guard let required = step.migration.requiredRelease else { return }
        let registry = ServiceRegistry(schema: store.schema)
        try await lock.closeDoor(registry, patience: options.lockWait)
        let living = try await registry.services(connection).filter { $0.release < required }
        guard !living.isEmpty else { return }
        throw MigrationError(
            .servicesInTheWay,
            "\(step.migration.folder) needs release \(required) or newer, and older services run: "
                + living.map(\.description).joined(separator: "; "),
            at: SourceLocation(file: step.step.file.path),
            hint: "replace them, then run \"migrate up\" again; nothing of this step was done",
            exitCode: .tryAgainLater
        )
    }
}

extension MigrationPlan {
    /// Those services that could not live with something that is pending or held back.
    public func inTheWay(among services: [RegisteredService]) -> [RegisteredService] {
        let required = (pending.map(\.migration) + heldBack).compactMap(\.requiredRelease).max() ?? 0
        return services.filter { $0.release < required }
    }
}

extension Migration {
    /// The oldest release of a service that can live with the migration; nil when every one can.
    public var requiredRelease: Int32? { steps.compactMap(\.options.requiredRelease).max() }
}

extension MigrationLock {
    /// Keeps services from reading the history until the lock is released; one that reads it now is waited for.
    func closeDoor(_ registry: ServiceRegistry, patience: Duration) async throws {
        let end = ContinuousClock.now + patience
        while try await !registry.tryDoor(exclusively: true, connection) {
            guard ContinuousClock.now < end else {
                throw MigrationError(
                    .servicesInTheWay,
                    "a service has been reading the history for \(patience.rounded), so that it cannot be changed",
                    hint: "look for it: SELECT pid FROM pg_locks WHERE classid = x'646f6f72'::int8",
                    exitCode: .tryAgainLater
                )
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        // The query leaves its portal open, which pins a snapshot; the simple protocol closes it.
        try await connection.execute(script: "SELECT 1")
    }
}
