import Postgres

/// How a service gets in: it registers, and then looks whether the schema is one for it.
struct GateEntrance: Sendable {
    private let configuration: PostgresConfiguration
    private let store: HistoryStore
    private let registry: ServiceRegistry
    private let release: Int32
    private let required: MigrationVersion?

    /// What the history says.
    private enum Verdict {
        case compatible
        /// Waiting may help.
        case notYet(MigrationError)
        case never(MigrationError)
    }

    init(_ database: PostgresConfiguration, schema: String, release: Int32, required: MigrationVersion?) {
        var configuration = database
        configuration.settings = [:]
        self.configuration = configuration
        store = HistoryStore(schema: schema)
        registry = ServiceRegistry(schema: schema)
        self.release = release
        self.required = required
    }

    /// - Returns: The connection that holds the registration, in a transaction without a snapshot.
    func enter(patience: Duration) async throws -> PostgresConnection {
        let connection = try await PostgresConnection.connect(to: configuration)
        do {
            try await connection.execute(
                script: "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = 0"
            )
            // Before looking: whoever looks at the services from now on sees this one.
            try await registry.register(release, connection)
            try await waitUntilCompatible(patience)
            return connection
        } catch {
            await connection.close()
            throw error
        }
    }

    private func waitUntilCompatible(_ patience: Duration) async throws {
        let end = ContinuousClock.now + patience
        try await PostgresConnection.withConnection(to: configuration) { try await wait(until: end, $0) }
    }

    private func wait(until end: ContinuousClock.Instant, _ connection: PostgresConnection) async throws {
        while true {
            let found = try await connection.withTransaction { try await verdict($0) }
            switch found {
            case .compatible: return
            case .never(let error): throw error
            case .notYet(let error):
                if ContinuousClock.now >= end { throw error }
            }
            try await Task.sleep(for: .milliseconds(Int64.random(in: 100...300)))
        }
    }

    private func verdict(_ connection: PostgresConnection) async throws -> Verdict {
        guard try await registry.tryDoor(exclusively: false, connection) else {
            return .notYet(
                MigrationError(
                    .schemaBehind,
                    "a migration is under way that not every release can live with",
                    hint: "start again when it is done, or wait longer",
                    exitCode: .tryAgainLater
                )
            )
        }
        guard try await store.exists(connection) else { return required.map { .notYet(lacking($0)) } ?? .compatible }
        _ = try await store.checkControl(connection)
        if let error = try await unbearable(connection) { return .never(error) }
        guard let required, try await !isApplied(required, connection) else { return .compatible }
        return .notYet(lacking(required))
    }

    private func isApplied(_ version: MigrationVersion, _ connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            store.once(
                """
                SELECT coalesce(count(*) FILTER (WHERE outcome = 'applied') >= max(step_count), false)
                FROM \(unsafeSQL: store.history) WHERE version = \(version.number)
                """
            )
        ).one().decode(Bool.self)
    }

    /// Begun counts too: the old shape may be gone already.
    private func unbearable(_ connection: PostgresConnection) async throws -> MigrationError? {
        let row = try await connection.query(
            store.once(
                """
                SELECT version, migration_name, requires_release FROM \(unsafeSQL: store.history)
                WHERE requires_release > \(release) ORDER BY requires_release DESC, version LIMIT 1
                """
            )
        ).zeroOrOne()
        guard let (version, name, needed) = try row?.decode(Int64.self, String.self, Int32.self) else { return nil }
        return MigrationError(
            .schemaAhead,
            "migration \(version) (\(name)) needs release \(needed) or newer; this is release \(release)",
            hint: "run a newer release of the service",
            exitCode: .ahead
        )
    }

    private func lacking(_ version: MigrationVersion) -> MigrationError {
        MigrationError(
            .schemaBehind,
            "the database lacks migration \(version), which this release needs",
            hint: "run \"migrate up\", or wait for it",
            exitCode: .pending
        )
    }
}
