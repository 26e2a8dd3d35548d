import Foundation
import Postgres
import TestSupport
import Testing

/// `migrate plan --output` and `migrate up --plan`.
@Suite struct SavedPlanTests {
    @Test func `a plan that was kept is applied, and applied already the next time`() async throws {
        try await Project.with(Samples.two) { project in
            let plan = try await project.migrate("plan", "--output", "plan.json")
            #expect(plan.exitCode == 0)
            #expect(plan.errorOutput == "kept in plan.json; apply it with: migrate up --plan plan.json\n")
            #expect(plan.output.hasPrefix("1. migrations/0001_notes/up.sql"))
            let first = try await project.migrate("up", "--plan", "plan.json")
            #expect(first.exitCode == 0, "\(first.errorOutput)")
            #expect(first.output.hasPrefix("applied 2 migrations"))
            let second = try await project.migrate("up", "--plan", "plan.json")
            #expect(second.exitCode == 0)
            #expect(second.output == "nothing to do: the database is up to date\n")
        }
    }

    @Test func `the file names steps and checksums, and no password`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up", "--to", "1")
            let url = "\(project.database.connectionString) password=geheim"
            let run = try await project.migrate("plan", "--output", "plan.json", "--database-url", url)
            #expect(run.exitCode == 0)
            let text = try project.plan()
            #expect(!text.contains("geheim"))
            let json = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            #expect(json["format"] as? Int == 1)
            #expect(json["phase"] as? String == "expand")
            let steps = try #require(json["steps"] as? [[String: Any]])
            #expect(steps.map { $0["label"] as? String } == ["0002_title/up"])
            #expect((steps[0]["checksum"] as? String)?.hasPrefix("sha256:") == true)
            #expect((json["history"] as? [[String: Any]])?.map { $0["outcome"] as? String } == ["applied"])
            let objects = try #require(json["objects"] as? [[String: Any]])
            #expect(objects.contains { $0["name"] as? String == "public.notes" })
        }
    }

    @Test(arguments: [
        ("0002_title/up.sql", "ALTER TABLE notes ADD COLUMN heading text", "0002_title/up has been edited"),
        ("0003_tags/up.sql", "CREATE TABLE tags ()", "0003_tags/up is pending now and not in the plan"),
    ])
    func `files that changed make it outdated`(path: String, text: String, message: String) async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("plan", "--output", "plan.json")
            try project.write(path, text)
            let run = try await project.migrate("up", "--plan", "plan.json")
            #expect(run.exitCode == 7)
            #expect(run.errorOutput.contains("does not fit any more: \(message)"))
            #expect(run.errorOutput.contains("hint: look at a new plan"))
            #expect(try await project.number("SELECT count(*) FROM pg_class WHERE relname = 'notes'") == 0)
        }
    }

    @Test func `a file that is gone makes it outdated`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("plan", "--output", "plan.json")
            try FileManager.default.removeItem(atPath: "\(project.folder)/migrations/0002_title")
            let run = try await project.migrate("up", "--plan", "plan.json", "--format", "json")
            #expect(run.exitCode == 7)
            #expect(run.errorOutput.contains("0002_title/up is in the plan and not pending now"))
            let error = try #require(try run.jsonLines.last?["error"] as? [String: Any])
            #expect(error["code"] as? String == "plan_outdated")
        }
    }

    @Test func `a history that went on makes it outdated`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("plan", "--to", "1", "--output", "plan.json")
            _ = try await project.migrate("up")
            let run = try await project.migrate("up", "--plan", "plan.json")
            #expect(run.exitCode == 7)
            #expect(run.errorOutput.contains("the database is at version 2 already, which is newer than 1"))
            #expect(run.errorOutput.contains("hint: look at a new plan") && !run.errorOutput.contains("migrate down"))
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 2)
        }
    }

    @Test func `a step that another plan applied makes it outdated`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up", "--to", "1")
            _ = try await project.migrate("plan", "--allow-out-of-order", "--output", "plan.json")
            let columns =
                "step, step_count, migration_name, step_name, phase, kind, checksum_algorithm, checksum, outcome, "
                + "started_at, finished_at, duration_ms, rows, lock_held_ms, token, applied_by, schema_fingerprint"
            let statement = "INSERT INTO migrate_history SELECT 9, \(columns) FROM migrate_history"
            try await project.withSession { _ = try await $0.execute(script: statement) }
            try project.write("0009_notes/up.sql", Samples.notes)
            let run = try await project.migrate("up", "--plan", "plan.json")
            #expect(run.exitCode == 7)
            #expect(run.errorOutput.contains("9_notes/up is applied in the history, and was not"))
        }
    }

    @Test func `a history that was taken back makes it outdated`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up", "--to", "1")
            _ = try await project.migrate("plan", "--output", "plan.json")
            try await project.withSession { _ = try await $0.execute(script: "DELETE FROM migrate_history") }
            let run = try await project.migrate("up", "--plan", "plan.json")
            #expect(run.exitCode == 7)
            #expect(run.errorOutput.contains("1_notes/up was applied in the history, and is gone"))
        }
    }

    @Test func `each object of the schema that changed is named`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up", "--to", "1")
            _ = try await project.migrate("plan", "--output", "plan.json")
            let changes = "ALTER TABLE notes ALTER body SET DEFAULT 'x'; CREATE TABLE strange ()"
            try await project.withSession { _ = try await $0.execute(script: changes) }
            let run = try await project.migrate("up", "--plan", "plan.json")
            #expect(run.exitCode == 7)
            #expect(run.errorOutput.contains("column public.notes.body has changed"))
            #expect(run.errorOutput.contains("table public.strange is new"))
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 1)
        }
    }

    @Test func `a plan whose run was cut short goes on`() async throws {
        let files = ["0001_a/01_make.sql": "CREATE TABLE a ()", "0001_a/02_use.sql": "SELECT count(*) FROM absent"]
        try await Project.with(files) { project in
            _ = try await project.migrate("plan", "--output", "plan.json")
            #expect(try await project.migrate("up", "--plan", "plan.json").exitCode == 1)
            try await project.withSession { _ = try await $0.execute(script: "CREATE TABLE absent ()") }
            let run = try await project.migrate("up", "--plan", "plan.json")
            #expect(run.exitCode == 0, "\(run.errorOutput)")
            #expect(run.output.hasPrefix("applied 1 migration (1 step)"))
        }
    }

    @Test func `a plan for another database is refused`() async throws {
        try await Project.with(Samples.two) { first in
            _ = try await first.migrate("plan", "--output", "plan.json")
            try await Project.with(Samples.two) { second in
                let run = try await second.migrate("up", "--plan", "\(first.folder)/plan.json")
                #expect(run.exitCode == 7)
                #expect(run.errorOutput.contains("it was made for database \(first.database.name)"))
            }
        }
    }

    @Test func `with findings that block no plan is kept`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            try project.write("0001_notes/up.sql", "CREATE TABLE other ()")
            let run = try await project.migrate("plan", "--output", "plan.json")
            #expect(run.exitCode == 7)
            #expect(!FileManager.default.fileExists(atPath: "\(project.folder)/plan.json"))
        }
    }

    @Test func `a contract migration that the plan includes is applied`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            try project.write("0003_drop_body/up.sql", Samples.contract)
            _ = try await project.migrate("plan", "--phase", "all", "--output", "plan.json")
            let run = try await project.migrate("up", "--plan", "plan.json")
            #expect(run.exitCode == 0)
            #expect(run.output.hasPrefix("applied 1 migration (1 step)"))
        }
    }

    @Test(arguments: [
        ("{", "it is not JSON"), ("{}", "format is missing"), (#"{"format": "x"}"#, "format has the wrong type"),
    ])
    func `what is no plan is a usage error that says why`(text: String, reason: String) async throws {
        try await Project.with(Samples.two) { project in
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(project.folder)/plan.json"))
            let run = try await project.migrate("up", "--plan", "plan.json")
            #expect(run.exitCode == 64)
            #expect(run.errorOutput.contains("plan.json: this is no plan"))
            #expect(run.errorOutput.contains(reason))
        }
    }

    @Test func `a plan of another format is refused`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("plan", "--output", "plan.json")
            let text = try project.plan().replacing("\"format\" : 1", with: "\"format\" : 2")
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(project.folder)/plan.json"))
            let run = try await project.migrate("up", "--plan", "plan.json")
            #expect(run.exitCode == 7)
            #expect(run.errorOutput.contains("it has format 2; this program knows format 1"))
        }
    }

    @Test(arguments: [["--to", "1"], ["--phase", "all"], ["--allow-out-of-order"]])
    func `the plan alone says how far to go`(options: [String]) async throws {
        try await withFolder { folder in
            let run = try await runMigrate(["up", "--plan", "x"] + options, in: folder)
            #expect(run.exitCode == 64)
            #expect(run.errorOutput.contains("--plan excludes"))
        }
    }

    @Test func `a missing file, and a folder that cannot be written, are named`() async throws {
        try await Project.with(Samples.two) { project in
            let missing = try await project.migrate("up", "--plan", "nowhere.json")
            #expect(missing.exitCode == 64)
            #expect(missing.errorOutput.contains("nowhere.json: the plan cannot be read"))
            let unwritable = try await project.migrate("plan", "--output", "no/such/folder/plan.json")
            #expect(unwritable.exitCode == 1)
            #expect(unwritable.errorOutput.contains("no/such/folder/plan.json: the plan cannot be written"))
        }
    }
}

extension Project {
    fileprivate func plan() throws -> String {
        try String(contentsOf: URL(fileURLWithPath: "\(folder)/plan.json"), encoding: .utf8)
    }
}
