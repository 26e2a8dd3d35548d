public import Postgres

/// What a service asks at its start: whether the schema is one that it can work with.
///
/// While it runs it stays registered, so that no migration that it could not survive is applied under it. The
/// registration is a lock of a connection of its own, and gone with it; it pins no snapshot and works through a pooler in
/// transaction mode. When the connection breaks the registration is made anew.
///
/// ```swift
/// let gate = try await SchemaGate.ensureCompatible(
///     with: database,
///     release: 12,
///     requiring: MigrationVersion(2),
///     waiting: .seconds(60)
/// )
/// // … the service runs …
/// await gate.leave()
/// ```
/// The role needs SELECT on the bookkeeping tables, and nothing else. The registration ends with the gate, too.
public final class SchemaGate: Sendable {
    private let registration: GateRegistration
    private let keeping: Task<Void, Never>

    /// Waits until the database has what the service needs, and registers the service.
    ///
    /// - Parameters:
    ///   - database: Where; the registration shows its `applicationName`.
    ///   - schema: The schema of the bookkeeping.
    ///   - release: The service's release, from 1. Migrations that say `requires-release` of a newer one are not applied
    ///     while it runs.
    ///   - version: The newest migration that the service needs, all steps of it; nil needs none.
    ///   - patience: How long to wait for that migration, and for a contract migration that is under way.
    /// - Returns: The registration, to be left at the end.
    /// - Throws: ``MigrationError``: `schema_behind` when the migration did not come in time; `schema_ahead`, without a
    ///   wait, when one was begun that this release cannot live with; `cannot_connect`. A database that is ahead
    ///   without saying so is no error.
    public static func ensureCompatible(
        with database: PostgresConfiguration,
        schema: String = "public",
        release: Int32,
        requiring version: MigrationVersion? = nil,
        waiting patience: Duration = .zero
    ) async throws -> SchemaGate {
        guard release > 0 else {
            throw MigrationError(.schemaAhead, "a release is a number from 1; this is \(release)", exitCode: .usage)
        }
        let entrance = GateEntrance(database, schema: schema, release: release, required: version)
        do {
            return SchemaGate(try await entrance.enter(patience: patience), entrance)
        } catch {
            throw MigrationError.describing(error)
        }
    }

    private init(_ connection: PostgresConnection, _ entrance: GateEntrance) {
        let registration = GateRegistration(connection)
        self.registration = registration
        keeping = Task { await registration.keep(entrance) }
    }

    deinit {
        keeping.cancel()
    }

    /// Why the service can work no longer: its registration was lost, and before it could be made anew a migration was
    /// applied that this release cannot live with; nil as long as all is well.
    public var failure: MigrationError? { registration.failure }

    /// Ends the registration.
    public func leave() async {
        keeping.cancel()
        await keeping.value
        await registration.connection?.close()
    }
}

extension MigrationError.Code {
    /// The database lacks a migration that a service needs.
    public static let schemaBehind = Self(rawValue: "schema_behind")
    /// The database has a migration that a service of this release cannot live with.
    public static let schemaAhead = Self(rawValue: "schema_ahead")
    /// Services run that could not live with a migration.
    public static let servicesInTheWay = Self(rawValue: "services_in_the_way")
}

/// The connection by which a service is registered, and its successors.
private final class GateRegistration: Sendable {
    private let state: Lock<(connection: PostgresConnection?, failure: MigrationError?)>

    init(_ connection: PostgresConnection) {
        state = Lock((connection, nil))
    }

    var connection: PostgresConnection? { state.withLock(\.connection) }
    var failure: MigrationError? { state.withLock(\.failure) }

    /// Looks after the registration until the task is cancelled, or the schema is one to which nobody may return.
    func keep(_ entrance: GateEntrance) async {
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            if await isAlive() { continue }
            await connection?.close()
            do {
                let new = try await entrance.enter(patience: .zero)
                state.withLock { $0.connection = new }
            } catch let error as MigrationError where error.code == .schemaAhead {
                return state.withLock { $0.failure = error }
            } catch {
                // The server may be starting; the next turn tries again.
                continue
            }
        }
    }

    private func isAlive() async -> Bool {
        guard let connection else { return false }
        do {
            try await connection.execute(script: "SELECT 1", timeout: .seconds(10))
            return true
        } catch {
            return Task.isCancelled
        }
    }
}
