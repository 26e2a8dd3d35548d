import Foundation
import Testing

/// `migrate up`, as a deploy tool sees it.
@Suite struct UpTests {
    @Test func `up applies everything to an empty database, and the next run has nothing to do`() async throws {
        try await Project.with(Samples.two) { project in
            let first = try await project.migrate("up")
            #expect(first.exitCode == 0)
            #expect(first.output.hasPrefix("applied 2 migrations (2 steps) in "))
            #expect(first.errorOutput.contains("applied 0001_notes/up  "))
            #expect(first.errorOutput.contains("applied 0002_title/up  "))
            #expect(!first.output.contains("\u{1B}") && !first.errorOutput.contains("\u{1B}"))

            let second = try await project.migrate("up")
            #expect(second.exitCode == 0)
            #expect(second.output == "nothing to do: the database is up to date\n")
            #expect(second.errorOutput.isEmpty)
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 2)
        }
    }

    @Test func `up writes JSON lines that end with one finished event`() async throws {
        try await Project.with(Samples.two) { project in
            let lines = try await project.migrate("--format", "json", "up").jsonLines
            let events = lines.compactMap { $0["event"] as? String }
            let steps = ["step_started", "step_finished", "step_started", "step_finished"]
            #expect(events == ["lock_acquired"] + steps + ["finished"])
            let times = lines.compactMap { $0["time"] as? String }
            #expect(times.count == lines.count && times.allSatisfy { $0.hasSuffix("Z") && $0.contains("T") })
            let finished = try #require(lines.last)
            #expect(finished["outcome"] as? String == "applied")
            #expect(finished["applied"] as? Int == 2)
            #expect(finished["exit_code"] as? Int == 0)
            #expect(finished["duration_ms"] is NSNumber)
            #expect(finished["longest_lock_held_ms"] is NSNumber)

            let again = try await project.migrate("up", "--format=json").jsonLines
            #expect(again.count == 1)
            #expect(again.last?["outcome"] as? String == "nothing_to_do")
            #expect(again.last?["applied"] as? Int == 0)
            #expect(again.last?["longest_lock_held_ms"] is NSNull)
        }
    }

    @Test func `quiet leaves the result alone`() async throws {
        try await Project.with(Samples.two) { project in
            let run = try await project.migrate("up", "--quiet")
            #expect(run.exitCode == 0)
            #expect(run.errorOutput.isEmpty)
            #expect(run.output.hasPrefix("applied 2 migrations"))
        }
    }

    @Test func `a contract migration waits to be asked for`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            try project.write("0003_drop_body/up.sql", Samples.contract)

            let held = try await project.migrate("up")
            #expect(held.exitCode == 0)
            #expect(held.output.contains("held back: 0003_drop_body"))
            #expect(held.output.contains("migrate up --phase all"))
            let lines = try await project.migrate("up", "--format", "json").jsonLines
            #expect(lines.last?["held_back"] as? [Int] == [3])

            let asked = try await project.migrate("up", "--phase", "all")
            #expect(asked.exitCode == 0)
            #expect(asked.output.hasPrefix("applied 1 migration (1 step) in "))
        }
    }

    @Test func `what lies behind a contract migration is held back too, with exit code 3`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            try project.write("0003_drop_body/up.sql", Samples.contract)
            try project.write("0004_tags/up.sql", "CREATE TABLE tags (id bigint)")
            let held = try await project.migrate("up")
            #expect(held.exitCode == 3)
            #expect(held.output.contains("held back behind it: 0004_tags"))
            #expect(try await project.migrate("up", "--to", "4").exitCode == 0)
        }
    }

    @Test func `--to stops at its version, and an unknown one is a usage error`() async throws {
        try await Project.with(Samples.two) { project in
            let first = try await project.migrate("up", "--to", "0001")
            #expect(first.exitCode == 0)
            #expect(try await project.number("SELECT max(version) FROM migrate_history") == 1)
            let unknown = try await project.migrate("up", "--to", "9")
            #expect(unknown.exitCode == 64)
            #expect(unknown.errorOutput.contains("no migration has the version 9"))
        }
    }

    @Test func `two runners at once both succeed, and each step is applied once`() async throws {
        let files = [
            "0001_a/up.sql": "CREATE TABLE a (id bigint); SELECT pg_sleep(0.5)", "0002_b/up.sql": "CREATE TABLE b ()",
        ]
        try await Project.with(files) { project in
            async let one = project.migrate("up", "--format", "json")
            async let other = project.migrate("up", "--format", "json")
            let runs = try await [one, other]
            #expect(runs.map(\.exitCode) == [0, 0])
            let applied = try runs.map { try $0.jsonLines.last?["applied"] as? Int ?? -1 }
            #expect(applied.reduce(0, +) == 2)
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 2)
        }
    }

    @Test func `the history lives in the schema that was asked for`() async throws {
        try await Project.with(Samples.two) { project in
            let run = try await project.migrate("--schema", "ops", "up")
            #expect(run.exitCode == 0)
            #expect(try await project.number("SELECT count(*) FROM ops.migrate_history") == 2)
            #expect(try await project.migrate("status", "--exit-code", "--schema", "ops").exitCode == 0)
            #expect(try await project.migrate("status", "--exit-code").exitCode == 3)
        }
    }

    @Test func `up waits for the server first where that is asked for`() async throws {
        try await Project.with(Samples.two) { project in
            let run = try await project.migrate("up", "--wait", "30")
            #expect(run.exitCode == 0)
        }
    }

    @Test func `a backfill says how many rows it changed`() async throws {
        let files = [
            "0001_notes/up.sql": "\(Samples.notes); INSERT INTO notes (id) SELECT generate_series(1, 1200)",
            "0002_fill/up.sql": "-- migrate: backfill table=notes\nUPDATE notes SET body = 'x' WHERE body IS NULL",
        ]
        try await Project.with(files) { project in
            let run = try await project.migrate("up")
            #expect(run.errorOutput.contains("applied 0002_fill/up  "))
            #expect(run.errorOutput.contains("1,200 rows"))
        }
    }
}
