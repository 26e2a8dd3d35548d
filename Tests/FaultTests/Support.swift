import EphemeralPostgres
import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// A database, its direct configuration, and what fault tests do with it.
struct Laboratory {
    let database: TestDatabase
    let configuration: PostgresConfiguration
    /// A connection beside the runners'.
    let connection: PostgresConnection

    static func with(template: String? = nil, _ body: (Laboratory) async throws -> Void) async throws {
        try await withDatabase(template: template) { database in
            let configuration = try PostgresConfiguration(database.connectionString)
            try await PostgresConnection.withConnection(to: configuration) { connection in
                try await body(
                    Laboratory(database: database, configuration: configuration, connection: connection)
                )
            }
        }
    }

    /// Lends a configuration too that leads through a proxy.
    static func withProxy(
        _ body: (Laboratory, PostgresConfiguration, CuttingProxy) async throws -> Void
    ) async throws {
        try await with { laboratory in
            try await CuttingProxy.with(laboratory.database) { proxy, string in
                try await body(laboratory, try PostgresConfiguration(string), proxy)
            }
        }
    }

    /// The shipped migrations, the first of which loads VMMs too, and further files: a run from the empty database has
    /// all to do.
    static func source(rows: Int, and others: [String: String] = [:]) throws -> MigrationSource {
        var files = try ShippedMigrations.files().merging(others) { $1 }
        files["0001_vmm_lifecycle/up.sql", default: ""] += "\n" + PreviousRelease.load(rows)
        return try MigrationSource(files: files)
    }

    func migrator(_ source: MigrationSource, batchPages: Int64 = 512) -> Migrator {
        Self.migrator(source, configuration, batchPages: batchPages)
    }

    static func migrator(
        _ source: MigrationSource,
        _ configuration: PostgresConfiguration,
        batchPages: Int64 = 512
    ) -> Migrator {
        var options = MigratorOptions()
        options.batchPages = batchPages
        return Migrator(source: source, database: configuration, options: options)
    }

    func state() async throws -> DatabaseState {
        try await DatabaseState.read(connection)
    }

    /// Empties the database.
    func reset() async throws {
        try await connection.execute(script: "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    }

    /// A single value.
    func value<Value: PostgresDecodable>(_ query: PostgresQuery) async throws -> Value {
        try await connection.query(query).one().decode(at: 0)
    }

    /// Ends the session that holds the migration lock.
    func breakLock() async throws {
        let ended: Int64 = try await value(
            """
            SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 10000)) FROM pg_locks
            WHERE locktype = 'advisory' AND granted AND classid::int8 = x'6D696772'::int8
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """
        )
        try #require(ended == 1)
    }

    /// Waits until as many sessions as this wait for a lock of this kind; `all` for any kind.
    func waitForWaiters(_ count: Int64, event: String) async throws {
        try await waitUntil(
            """
            SELECT count(*) >= \(count) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = \(event)
            """
        )
    }

    /// Waits for what comes about by itself; the limit is far beyond what it takes.
    func waitUntil(_ condition: PostgresQuery) async throws {
        for _ in 0..<1200 {
            if try await value(condition) { return }
            try await Task.sleep(for: .milliseconds(25))
        }
        Issue.record("did not come about: \(condition)")
    }
}

/// What an attempt came to.
func outcome<Value: Sendable>(_ body: () async throws -> Value) async throws -> Result<Value, MigrationError> {
    do {
        return .success(try await body())
    } catch let error as MigrationError {
        return .failure(error)
    }
}
