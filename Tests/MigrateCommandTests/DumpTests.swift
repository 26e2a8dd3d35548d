import Foundation
import Postgres
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// `migrate dump` and `migrate baseline --at`, on the migrations of this package.
@Suite struct DumpTests {
    private static let schemaFile = "\(ShippedMigrations.directory)/../schema.sql"

    private static func shipped() throws -> [String: String] { try ShippedMigrations.files() }

    @Test func `the migrations make what schema.sql says`() async throws {
        try await Project.with(try Self.shipped()) { project in
            #expect(try await project.migrate("up").exitCode == 0)
            let run = try await project.migrate("dump", "--check", Self.schemaFile)
            #expect(run.exitCode == 0, "\(run.output)\(run.errorOutput)")
            _ = try await project.withSession { try await $0.execute(script: "DROP INDEX vmm_by_instance_id") }
            let changed = try await project.migrate("dump", "--check", Self.schemaFile)
            #expect(changed.exitCode == 7)
            #expect(changed.output.contains("CREATE INDEX vmm_by_instance_id"))
            #expect(try await project.migrate("dump", "--check", "/nonexistent.sql").exitCode == 64)
        }
    }

    @Test func `a database that psql makes of schema.sql has the same schema, and is adopted`() async throws {
        try await Project.with(try Self.shipped()) { project in
            let psql = try await Subprocess.run(
                .name("psql"),
                arguments: [
                    "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", project.database.connectionString, "-f", Self.schemaFile,
                ],
                output: .discarded,
                error: .string(limit: 1 << 16)
            )
            #expect(psql.terminationStatus.isSuccess, "\(psql.standardError)")
            #expect(try await project.migrate("baseline", "--at", "9").exitCode == 64)
            let wrong = try await project.migrate("baseline", "--at", "1", "--format", "json")
            #expect(wrong.exitCode == 7)
            #expect(try wrong.json["outcome"] as? String == "different")
            #expect(try await project.number("SELECT count(*) FROM pg_class WHERE relname = 'migrate_history'") == 0)
            let run = try await project.migrate("baseline", "--at", "3")
            #expect(run.exitCode == 0, "\(run.output)\(run.errorOutput)")
            #expect(run.output.hasPrefix("recorded 3 migrations up to version 0003 as applied"))
            #expect(try await project.migrate("status", "--exit-code").exitCode == 0)
            #expect(try await project.migrate("verify").exitCode == 0)
            #expect(try await project.migrate("baseline", "--at", "3").output.hasPrefix("nothing to do"))
        }
    }
}
