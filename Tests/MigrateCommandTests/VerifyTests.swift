import Foundation
import Postgres
import TestSupport
import Testing

/// `migrate verify`.
@Suite struct VerifyTests {
    private static let verified = Samples.two.merging([
        "0001_notes/verify.sql": "DO $$ BEGIN ASSERT to_regclass('notes') IS NOT NULL, 'no notes'; END $$",
        "0002_title/verify.sql": """
        DO $$
        BEGIN
            IF EXISTS (SELECT FROM notes WHERE title IS NULL) THEN
                RAISE EXCEPTION 'notes without a title';
            END IF;
        END
        $$;
        """,
    ]) { $1 }

    @Test func `a database that is as promised is verified`() async throws {
        try await Project.with(Self.verified) { project in
            let before = try await project.migrate("verify")
            #expect(before.exitCode == 0)
            #expect(before.output == "-       nothing is applied\nverified\n")
            _ = try await project.migrate("up")
            let run = try await project.migrate("verify")
            #expect(run.exitCode == 0, "\(run.errorOutput)")
            #expect(
                run.output == """
                    ok      0001_notes
                    ok      0002_title
                    ok      the schema is as version 0002 left it
                    verified

                    """
            )
            let json = try await project.migrate("verify", "--format", "json").json
            #expect(json["verified"] as? Bool == true)
            #expect(json["exit_code"] as? Int == 0)
            #expect(Set(json.keys) == ["verified", "migrations", "findings", "schema", "exit_code"])
            let schema = try #require(json["schema"] as? [String: Any])
            #expect(schema["outcome"] as? String == "unchanged")
            #expect((schema["live"] as? String)?.hasPrefix("catalog1-pg") == true)
        }
    }

    @Test func `a verification that raises answers 7 and shows what it says`() async throws {
        try await Project.with(Self.verified) { project in
            _ = try await project.migrate("up")
            _ = try await project.withSession { try await $0.execute(script: "INSERT INTO notes VALUES (1)") }
            let run = try await project.migrate("verify")
            #expect(run.exitCode == 7)
            #expect(
                run.output.contains(
                    "failed  0002_title\n        migrations/0002_title/verify.sql: ERROR: notes without a title"
                )
            )
            #expect(run.output.contains("ok      0001_notes\n"))
            #expect(run.output.hasSuffix("not verified\n"))
            let json = try await project.migrate("verify", "--format", "json").json
            let migrations = try #require(json["migrations"] as? [[String: Any]])
            #expect(migrations.map { $0["outcome"] as? String } == ["passed", "failed"])
            #expect((migrations[1]["error"] as? [String: Any])?["sqlstate"] as? String == "P0001")
        }
    }

    @Test func `a change that no migration made is found by the fingerprint`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            _ = try await project.withSession { try await $0.execute(script: "CREATE INDEX by_hand ON notes (body)") }
            let run = try await project.migrate("verify")
            #expect(run.exitCode == 7)
            #expect(
                run.output.contains("failed  the schema was changed after version 0002 was applied, not by a migration")
            )
            #expect(run.output.contains("migrate drift"))
            _ = try await project.withSession { try await $0.execute(script: "DROP INDEX by_hand") }
            #expect(try await project.migrate("verify").exitCode == 0)
        }
    }

    @Test func `an edited file and a database that is ahead are told, with their exit codes`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            try project.write("0001_notes/up.sql", "CREATE TABLE notes (id bigint)")
            let edited = try await project.migrate("verify")
            #expect(edited.exitCode == 7)
            #expect(edited.output.contains("0001_notes/up.sql was edited after it was applied"))
            try project.write("0001_notes/up.sql", Samples.notes)
            try FileManager.default.removeItem(atPath: "\(project.folder)/migrations/0002_title")
            let ahead = try await project.migrate("verify")
            #expect(ahead.exitCode == 9)
            #expect(ahead.output.contains("the database has version 2"))
        }
    }

    @Test(arguments: [
        ("INSERT INTO notes VALUES (1)", "read-only transaction"),
        ("COMMIT; INSERT INTO notes VALUES (1)", "COMMIT"),
        ("SELECT no_such_column FROM notes", "no_such_column"),
    ])
    func `a verify.sql that writes or is broken fails, and writes nothing`(sql: String, message: String) async throws {
        try await Project.with(Samples.two.merging(["0002_title/verify.sql": sql]) { $1 }) { project in
            _ = try await project.migrate("up")
            let run = try await project.migrate("verify")
            #expect(run.exitCode == 7)
            #expect(run.output.contains(message), "\(run.output)")
            #expect(try await project.number("SELECT count(*) FROM notes") == 0)
        }
    }

    @Test func `a reader may verify, and is told what it may not read`() async throws {
        let files = Samples.two.merging(["0001_notes/verify.sql": "SELECT FROM notes"]) { $1 }
        try await Project.with(files) { project in
            _ = try await project.migrate("up")
            let role = "reader_\(project.database.name)"
            try await project.withRole(role) { url in
                let grant = "GRANT SELECT ON migrate_control, migrate_history TO \(role)"
                _ = try await project.withSession { try await $0.execute(script: grant) }
                let refused = try await runMigrate(["verify", "--database-url", url], in: project.folder)
                #expect(refused.exitCode == 1, "\(refused.errorOutput)")
                #expect(refused.output.contains("not run 0001_notes"))
                #expect(refused.output.contains("permission denied for table notes"))
                #expect(refused.output.contains("ok      the schema is as version 0002 left it"))
                _ = try await project.withSession { try await $0.execute(script: "GRANT SELECT ON notes TO \(role)") }
                let run = try await runMigrate(["verify", "--database-url", url], in: project.folder)
                #expect(run.exitCode == 0, "\(run.output)")
                let drift = try await runMigrate(["drift", "--database-url", url], in: project.folder)
                #expect(drift.exitCode == 0, "\(drift.output) \(drift.errorOutput)")
            }
        }
    }

    @Test func `a fingerprint of another form is not compared`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            let older = "UPDATE migrate_history SET schema_fingerprint = 'catalog1-pg9-sha256:00' WHERE version = 2"
            _ = try await project.withSession { try await $0.execute(script: older) }
            let run = try await project.migrate("verify")
            #expect(run.exitCode == 0)
            #expect(run.output.contains("the fingerprint of version 0002 cannot be compared: catalog1-pg9-sha256 then"))
            let none = "UPDATE migrate_history SET schema_fingerprint = NULL"
            _ = try await project.withSession { try await $0.execute(script: none) }
            #expect(try await project.migrate("verify").output.contains("no fingerprint of the schema was recorded"))
        }
    }
}

extension Project {
    /// Runs `body` with the URL of a role that may log in and nothing else; the role is dropped afterwards.
    func withRole(_ name: String, _ body: (String) async throws -> Void) async throws {
        _ = try await withSession { try await $0.execute(script: "CREATE ROLE \(name) LOGIN") }
        do {
            try await body("\(database.connectionString) user=\(name)")
        } catch {
            _ = try? await withSession { try await $0.execute(script: "DROP OWNED BY \(name); DROP ROLE \(name)") }
            throw error
        }
        _ = try await withSession { try await $0.execute(script: "DROP OWNED BY \(name); DROP ROLE \(name)") }
    }
}
