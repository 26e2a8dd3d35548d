import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Each version's `verify.sql`.
@Suite struct VerifyTests {
    @Test func `every verification passes in a read-only transaction, with its version and with all later ones`()
        async throws
    {
        try await Shipped.with { shipped in
            for migration in shipped.source.migrations {
                _ = try await shipped.migrator().up(to: .version(migration.version))
                for earlier in shipped.source.migrations where earlier.version <= migration.version {
                    try await shipped.connection.withTransaction(.readOnly) { connection in
                        _ = try await connection.execute(script: try #require(earlier.verify).text)
                    }
                }
            }
        }
    }

    /// What somebody did to the schema, and what the verification of a version says to it.
    struct Tampering: Sendable, CustomTestStringConvertible {
        let version: Int64
        let sql: String
        let message: String

        var testDescription: String { "version \(version): \(sql)" }
    }

    static let tamperings = [
        Tampering(
            version: 1,
            sql: "DROP INDEX vmm_by_instance_id",
            message: "indexes of version 1 are missing or invalid"
        ),
        Tampering(
            version: 1,
            sql: "ALTER TABLE vmm ALTER propolis_port TYPE bigint",
            message: "columns are not as version 1 made them"
        ),
        Tampering(
            version: 1,
            sql: "ALTER TABLE vmm DROP CONSTRAINT vmm_propolis_port_range",
            message: "constraints are not as version 1 made them"
        ),
        Tampering(
            version: 1,
            sql: "ALTER TYPE migration_state RENAME VALUE 'failed' TO 'broken'",
            message: "enum types are not as version 1 made them"
        ),
        Tampering(
            version: 2,
            sql: "ALTER TABLE vmm DROP CONSTRAINT failure_reason_iff_failed",
            message: "constraint failure_reason_iff_failed of vmm is missing, not validated or says something else"
        ),
        Tampering(
            version: 2,
            sql: "ALTER TABLE vmm ALTER failure_reason SET DEFAULT 'prehistoric'",
            message: "column vmm.failure_reason is not a nullable vmm_failure_reason without a default"
        ),
        Tampering(
            version: 2,
            sql: "ALTER TABLE vmm DISABLE TRIGGER vmm_complete_failure_reason",
            message: "trigger vmm_complete_failure_reason of vmm is disabled or calls another function"
        ),
        Tampering(
            version: 2,
            sql: "ALTER TYPE vmm_failure_reason RENAME VALUE 'sled_off' TO 'sled_away'",
            message: "type vmm_failure_reason lacks labels or has them in another order"
        ),
        Tampering(
            version: 3,
            sql: "ALTER TABLE vmm DROP CONSTRAINT failure_reason_iff_failed",
            message: "constraint failure_reason_iff_failed of vmm is missing or not validated"
        ),
        Tampering(
            version: 3,
            sql: """
                CREATE FUNCTION vmm_complete_failure_reason() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'
                """,
            message: "function vmm_complete_failure_reason still exists"
        ),
    ]

    @Test(arguments: tamperings)
    func `a verification says clearly what somebody changed`(_ tampering: Tampering) async throws {
        try await Shipped.with { shipped in
            _ = try await shipped.migrator().up(to: shipped.target(tampering.version))
            let verify = try #require(try shipped.migration(tampering.version).verify)
            try await shipped.connection.execute(script: tampering.sql)
            let error = await #expect(throws: PostgresError.self) {
                try await shipped.connection.execute(script: verify.text)
            }
            #expect(error?.server?.message == tampering.message)
        }
    }
}
