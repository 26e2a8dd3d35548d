import Foundation
import SchemaMigrations
import TestSupport
import Testing

/// The commands that change nothing in a database.
@Suite struct CommandTests {
    /// The runner's default.
    private static let lockTimeout = Int64(MigratorOptions().lockTimeout / .milliseconds(1))

    @Test func `status tells what is pending and which command comes next`() async throws {
        try await Project.with(Samples.two) { project in
            let before = try await project.migrate("status", "--exit-code")
            #expect(before.exitCode == 3)
            #expect(before.output.hasPrefix("state    pending\ncurrent  none\nlatest   2\n"))
            #expect(before.output.hasSuffix("next: migrate up\n"))
            #expect(try await project.migrate("status").exitCode == 0)

            _ = try await project.migrate("up")
            let after = try await project.migrate("status", "--exit-code")
            #expect(after.exitCode == 0)
            #expect(after.output.hasPrefix("state    up to date\ncurrent  2\n"))
            #expect(after.output.hasSuffix("next: nothing to do\n"))
            try project.write("0003_drop_body/up.sql", Samples.contract)
            let contract = try await project.migrate("status", "--exit-code")
            #expect(contract.exitCode == 0)
            #expect(contract.output.contains("next: migrate up --phase all"))
        }
    }

    @Test func `status as JSON has every field that is promised`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up", "--to", "1")
            let json = try await project.migrate("status", "--format", "json").json
            #expect(Set(json.keys) == ["state", "current", "latest", "migrations", "services_in_the_way"])
            #expect(json["state"] as? String == "pending")
            #expect(json["current"] as? Int == 1)
            let migrations = try #require(json["migrations"] as? [[String: Any]])
            #expect(migrations.map { $0["state"] as? String } == ["applied", "pending"])
            let keys: Set = ["version", "name", "phase", "state", "applied_at", "duration_ms", "steps"]
            #expect(migrations.allSatisfy { Set($0.keys) == keys })
            let step = try #require((migrations[0]["steps"] as? [[String: Any]])?.first)
            #expect(Set(step.keys) == ["name", "kind", "state", "checksum", "applied_at", "duration_ms", "rows"])
            #expect(migrations[1]["applied_at"] is NSNull)
        }
    }

    @Test func `plan shows steps, SQL, locks and sizes, and changes nothing`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up", "--to", "1")
            let run = try await project.migrate("plan", "--exit-code")
            #expect(run.exitCode == 3)
            #expect(run.output.hasPrefix("1. migrations/0002_title/up.sql  (transaction, expand)\n"))
            #expect(run.output.contains("     ALTER TABLE notes ADD COLUMN title text\n"))
            #expect(run.output.contains("ACCESS EXCLUSIVE on notes (16 kB, rows not counted yet)"))
            #expect(run.output.contains("lock \(Self.lockTimeout) ms, statement none"))
            #expect(run.output.contains("reads and writes of notes wait: at most \(Self.lockTimeout) ms"))
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 1)
        }
    }

    @Test func `plan warns of what prepared statements will notice`() async throws {
        try await Project.with(Samples.two) { project in
            let warning = "prepared statements that select every column of notes fail behind it"
            // A table that the plan itself makes has no statements yet.
            #expect(try await !project.migrate("plan").output.contains(warning))
            _ = try await project.migrate("up", "--to", "1")
            #expect(try await project.migrate("plan").output.contains(warning))
        }
    }

    @Test func `plan as JSON is one object with the whole SQL`() async throws {
        let long = "CREATE TABLE wide (" + (1...40).map { "c\($0) text" }.joined(separator: ",\n") + ")"
        try await Project.with(["0001_wide/up.sql": long]) { project in
            let json = try await project.migrate("plan", "--format", "json").json
            #expect(json["exit_code"] as? Int == 3)
            #expect(json["current"] is NSNull)
            let step = try #require((json["steps"] as? [[String: Any]])?.first)
            #expect(step["lock_timeout_ms"] as? Int64 == Self.lockTimeout)
            #expect(step["statement_timeout_ms"] is NSNull)
            #expect(step["resumable"] as? Bool == false)
            let statement = try #require((step["statements"] as? [[String: Any]])?.first)
            #expect(statement["sql"] as? String == long)
        }
    }

    @Test func `plan says that nothing is to be done`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            let run = try await project.migrate("plan", "--exit-code")
            #expect(run.exitCode == 0)
            #expect(run.output == "nothing to do\n")
        }
    }

    @Test func `wait returns once the server accepts connections`() async throws {
        try await Project.with { project in
            let run = try await project.migrate("wait", "--timeout", "60")
            #expect(run.exitCode == 0)
            #expect(run.output.hasPrefix("the server accepts connections"))
            #expect(try await project.migrate("wait", "--format", "json").json["accepting"] as? Bool == true)
        }
    }

    @Test func `a refused login ends the wait at once`() async throws {
        try await Project.with { project in
            let url = "\(project.database.connectionString) user=nobody_knows"
            let day = ["wait", "--timeout", "86400"]
            let run = try await runMigrate(day + ["--database-url", url], in: project.folder)
            #expect(run.exitCode == 5)
            #expect(run.errorOutput.contains("nobody_knows"))
        }
    }

    @Test func `new takes the next number and creates what it prints`() async throws {
        try await withFolder { folder in
            let first = try await runMigrate(["new", "create_notes"], in: folder)
            #expect(first.exitCode == 0)
            #expect(first.output == "migrations/0001_create_notes/up.sql\n")
            let second = try await runMigrate(["new", "add_owner", "--online"], in: folder)
            let paths = second.output.split(separator: "\n").map(String.init)
            let names = [
                "01_add_column", "02_complete_old_writers", "03_backfill", "04_check_not_valid", "05_validate", "down",
                "verify",
            ]
            #expect(paths == names.map { "migrations/0002_add_owner/\($0).sql" })
            #expect(paths.allSatisfy { FileManager.default.fileExists(atPath: "\(folder)/\($0)") })
        }
    }

    @Test func `what new --online makes runs once its table exists`() async throws {
        try await Project.with([
            "0001_table/up.sql": "CREATE TABLE my_table (id bigint); INSERT INTO my_table VALUES (1)"
        ]) { project in
            _ = try await project.migrate("new", "add_owner", "--online")
            let run = try await project.migrate("up")
            #expect(run.exitCode == 0, "\(run.errorOutput)")
            #expect(try await project.number("SELECT count(*) FROM my_table WHERE my_column = 'unknown'") == 1)
        }
    }

    @Test func `a migration that was not filled in is refused`() async throws {
        try await Project.with { project in
            _ = try await project.migrate("new", "later")
            let run = try await project.migrate("up")
            #expect(run.exitCode == 1)
            #expect(run.errorOutput.contains("has no SQL in it"))
        }
    }

    @Test(arguments: [
        "up", "status", "plan", "history", "doctor", "lint", "pause", "resume", "verify", "drift", "down", "dump",
        "baseline", "repair", "new", "wait", "local",
        "local start",
        "local stop", "local url",
        "local reset",
    ])
    func `every help has an abstract and an example`(command: String) async throws {
        try await withFolder { folder in
            let run = try await runMigrate(command.split(separator: " ").map(String.init) + ["--help"], in: folder)
            #expect(run.exitCode == 0)
            #expect(run.output.hasPrefix("OVERVIEW: "))
            #expect(run.output.contains("EXAMPLE"))
        }
    }

    @Test func `the program tells its version and that of libpq`() async throws {
        try await withFolder { folder in
            let run = try await runMigrate(["--version"], in: folder)
            #expect(run.exitCode == 0)
            #expect(try /migrate [0-9.]+[a-z-]* \(libpq [0-9]+\.[0-9]+\)\n/.wholeMatch(in: run.output) != nil)
        }
    }

    @Test func `there is no URL of a private server that was not created`() async throws {
        try await withFolder { folder in
            let run = try await runMigrate(["local", "url"], in: folder)
            #expect(run.exitCode == 1)
            #expect(run.errorOutput.contains("migrate local start"))
        }
    }
}
