import EphemeralPostgres
import Foundation
import Postgres
import SchemaMigrations
import TestSupport
import Testing
import VMMDatastore
import VMMModel

/// `docs/roles.sql` on a server of the test's own, since roles are the whole server's.
@Suite struct RolesTests {
    private static let denied = "42501"

    @Test func `each role can do its work, and nothing else`() async throws {
        try await EphemeralServer.withServer { server in
            let owner = try PostgresConfiguration(server.connectionString(database: "postgres"))
            try await PostgresConnection.withConnection(to: owner) { connection in
                try await applyRoles(connection)
                for account in ["migrator", "service", "reader"] {
                    try await connection.execute(
                        script: "CREATE ROLE \(account) LOGIN IN ROLE vmm_\(account)"
                    )
                }
                try await connection.execute(script: "ALTER ROLE migrator SET role = 'vmm_migrator'")
                try await checkMigrator(try configuration("migrator", on: server))
                try await applyRoles(connection)
            }
            try await checkService(try configuration("service", on: server))
            try await checkReader(try configuration("reader", on: server))
        }
    }

    private func applyRoles(_ connection: PostgresConnection) async throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/roles.sql")
        try await connection.execute(script: try String(contentsOf: file, encoding: .utf8))
    }

    private func configuration(_ account: String, on server: EphemeralServer) throws -> PostgresConfiguration {
        try PostgresConfiguration(server.connectionString(database: "postgres") + " user=\(account)")
    }

    private func checkMigrator(_ configuration: PostgresConfiguration) async throws {
        let migrator = Migrator(source: try ShippedMigrations.source(), database: configuration)
        #expect(try await migrator.up().heldBack.isEmpty)
        #expect(try await migrator.up().steps.isEmpty)
        try await expectDenied(
            configuration,
            "CREATE ROLE other",
            "SELECT rolpassword FROM pg_authid",
            "CREATE SCHEMA other",
            "CREATE TABLE pg_catalog.other (a int)"
        )
    }

    private func checkService(_ configuration: PostgresConfiguration) async throws {
        let pool = PostgresPool(configuration)
        let datastore = Datastore(pool)
        _ = try await datastore.checkSchema()
        let vmm = VMM.new(
            instanceID: InstanceID(),
            sledID: SledID(),
            propolisIP: try #require(IPAddress("fd00::1")),
            cpuPlatform: .amdMilan
        )
        #expect(try await datastore.insert(vmm) == .inserted(vmm))
        guard case .marked = try await datastore.markFailed(vmm.id, reason: .sledOff) else {
            Issue.record("the service cannot mark a VMM failed")
            return
        }
        guard case .deleted = try await datastore.markDeleted(vmm.id) else {
            Issue.record("the service cannot mark a VMM deleted")
            return
        }
        await pool.shutDown()
        _ = try await Migrator(source: try ShippedMigrations.source(), database: configuration).status()
        try await expectDenied(
            configuration,
            "DELETE FROM vmm",
            "TRUNCATE vmm",
            "ALTER TABLE vmm ADD COLUMN other int",
            "DROP TABLE vmm",
            "CREATE TABLE other (a int)",
            "UPDATE migrate_control SET token = token + 1",
            "DELETE FROM migrate_history",
            "INSERT INTO migrate_request (paused_by) VALUES ('service')",
            "ALTER TYPE vmm_failure_reason ADD VALUE 'other'"
        )
    }

    private func checkReader(_ configuration: PostgresConfiguration) async throws {
        let pool = PostgresPool(configuration)
        #expect(try await Datastore(pool).vmms(matching: VMMFilter(), after: nil, limit: 10).isEmpty)
        await pool.shutDown()
        let status = try await Migrator(source: try ShippedMigrations.source(), database: configuration).status()
        #expect(status.state == .upToDate)
        try await expectDenied(
            configuration,
            "INSERT INTO vmm SELECT * FROM vmm",
            "UPDATE vmm SET state = 'running', failure_reason = NULL",
            "DELETE FROM vmm",
            "UPDATE instance SET hostname = 'other'",
            "UPDATE migrate_control SET token = token + 1",
            "SELECT * FROM vmm FOR UPDATE",
            "CREATE TABLE other (a int)"
        )
    }

    private func expectDenied(_ configuration: PostgresConfiguration, _ statements: String...) async throws {
        try await PostgresConnection.withConnection(to: configuration) { connection in
            for statement in statements {
                do {
                    try await connection.execute(script: statement)
                    Issue.record("allowed: \(statement)")
                } catch let error as PostgresError {
                    // ALTER, DROP and the like ask for the owner with the same SQLSTATE.
                    #expect(error.sqlState?.description == Self.denied, "\(statement): \(error)")
                }
            }
        }
    }
}
