import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// A database of the test's own, the shipped migrations, and a connection beside the runner's.
struct Shipped {
    let source: MigrationSource
    let configuration: PostgresConfiguration
    let connection: PostgresConnection

    func migrator(batchPages: Int64? = nil) -> Migrator {
        var options = MigratorOptions()
        if let batchPages { options.batchPages = batchPages }
        return Migrator(source: source, database: configuration, options: options)
    }

    func version(_ number: Int64) throws -> MigrationVersion {
        try #require(MigrationVersion(number))
    }

    func target(_ number: Int64) throws -> MigrationTarget {
        .version(try version(number))
    }

    func migration(_ number: Int64) throws -> Migration {
        try #require(source[try version(number)])
    }

    func state() async throws -> DatabaseState {
        try await DatabaseState.read(connection)
    }

    /// State and reason of VMMs 1, 2, …, in this order.
    func reasons(_ count: Int) async throws -> [String] {
        var lines: [String] = []
        for number in 1...Int64(count) {
            let row = try await connection.query(
                """
                SELECT format('%s %s', state, coalesce(failure_reason::text, 'NULL')) FROM vmm
                WHERE id = md5('vmm' || \(number))::uuid
                """
            ).one()
            lines.append(try row.decode(at: 0))
        }
        return lines
    }

    static func with(_ body: (Shipped) async throws -> Void) async throws {
        let source = try ShippedMigrations.source()
        try await withDatabase { database in
            let configuration = try PostgresConfiguration(database.connectionString)
            try await PostgresConnection.withConnection(to: configuration) { connection in
                try await body(Shipped(source: source, configuration: configuration, connection: connection))
            }
        }
    }
}
