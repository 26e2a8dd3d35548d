import Postgres
import SchemaMigrations
import TestSupport

/// A migrator over files given as text, with patience short enough for tests.
func migrator(
    _ files: [String: String],
    on database: TestDatabase,
    _ adjust: (inout MigratorOptions) -> Void = { _ in }
) throws -> Migrator {
    var options = MigratorOptions()
    options.lockTimeout = .milliseconds(100)
    adjust(&options)
    return Migrator(source: try MigrationSource(files: files), database: try database.configuration, options: options)
}

/// The error that a run ends in; nil when it succeeds.
func failure(
    _ migrator: Migrator,
    phase: PhaseSelection = .expand,
    report: @escaping @Sendable (MigrationEvent) -> Void = { _ in }
) async throws -> MigrationError? {
    do {
        _ = try await migrator.up(phase: phase, report: report)
        return nil
    } catch let error as MigrationError {
        return error
    }
}

/// Collects the events of a run.
final class EventLog: Sendable {
    private let events = Lock<[MigrationEvent]>([])

    var all: [MigrationEvent] { events.withLock { $0 } }

    var retries: [String] {
        all.compactMap { if case .stepRetried(_, _, _, let reason) = $0 { reason } else { nil } }
    }

    func add(_ event: MigrationEvent) {
        events.withLock { $0.append(event) }
    }
}

extension PostgresConnection {
    /// The only value of a query.
    func value<Value: PostgresDecodable>(_ query: PostgresQuery, as type: Value.Type = Value.self) async throws -> Value
    {
        try await self.query(query).one().decode(at: 0, as: type)
    }

    /// Whether a table exists.
    func hasTable(_ name: String) async throws -> Bool {
        try await value("SELECT to_regclass(\(name)) IS NOT NULL")
    }
}
