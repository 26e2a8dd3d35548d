import Foundation
import Postgres
import TestSupport
import Testing

/// `migrate history`, as text, JSON and a page.
@Suite struct HistoryTests {
    private static let failing = ["0002_title/up.sql": "ALTER TABLE notes ADD COLUMN title text; SELECT 1 / 0"]

    @Test func `every attempt is told by its run, with what came of it`() async throws {
        try await Project.with(Samples.two.merging(Self.failing) { $1 }) { project in
            #expect(try await project.migrate("up").exitCode == 1)
            try project.write("0002_title/up.sql", "ALTER TABLE notes ADD COLUMN title text")
            #expect(try await project.migrate("up").exitCode == 0)
            let run = try await project.migrate("history")
            #expect(run.exitCode == 0)
            let lines = run.output.split(separator: "\n").map(String.init)
            #expect(lines[0].hasPrefix("run 1  2") && lines[0].contains(" UTC, migrate["))
            #expect(lines[0].hasSuffix(", role postgres"))
            #expect(
                lines[1].split(separator: "  ").map { $0.trimmingCharacters(in: .whitespaces) }
                    == ["step", "outcome", "took", "tries", "lock held", "others waited", "rows"]
            )
            #expect(lines[2].hasPrefix("  1_notes/up  applied  "))
            #expect(lines[3].hasPrefix("  2_title/up  failed   "))
            #expect(lines[4].hasPrefix("    migrations/0002_title/up.sql"))
            #expect(lines[4].hasSuffix("ERROR: division by zero (SQLSTATE 22012)"))
            #expect(lines[5].hasPrefix("run 2  "))
            #expect(lines[7].hasPrefix("  2_title/up  applied  "))
            #expect(lines.count == 8)
        }
    }

    @Test func `JSON has every field of every attempt, and --run chooses one run`() async throws {
        try await Project.with(Samples.two.merging(Self.failing) { $1 }) { project in
            _ = try await project.migrate("up")
            _ = try await project.migrate("up")
            let all = try await project.migrate("history", "--format", "json").json
            #expect(Set(all.keys) == ["database", "read_at", "attempts", "backfills", "steps_without_attempt"])
            #expect(all["database"] as? String == project.database.name)
            let attempts = try #require(all["attempts"] as? [[String: Any]])
            #expect(attempts.map { $0["run"] as? Int } == [1, 1, 2])
            #expect(attempts.map { $0["outcome"] as? String } == ["applied", "failed", "failed"])
            let keys: Set = [
                "run", "version", "migration", "step", "ordinal", "kind", "outcome", "started_at", "finished_at",
                "duration_ms", "tries", "lock_held_ms", "others_blocked_ms", "rows", "runner", "role", "error_code",
                "sqlstate", "error",
            ]
            #expect(attempts.allSatisfy { Set($0.keys).isSuperset(of: keys) })
            #expect(attempts[1]["sqlstate"] as? String == "22012")
            #expect(attempts[1]["rows"] is NSNull)
            let second = try await project.migrate("history", "--run", "2", "--format", "json").json
            #expect((second["attempts"] as? [[String: Any]])?.count == 1)
        }
    }

    @Test func `where nothing has run there is nothing to tell, and no run to choose`() async throws {
        try await Project.with { project in
            let run = try await project.migrate("history")
            #expect(run.exitCode == 0)
            #expect(run.output == "no step has been tried here\n")
            let chosen = try await project.migrate("history", "--run", "1")
            #expect(chosen.exitCode == 64)
            #expect(chosen.errorOutput.contains("no run has the number 1; nothing has run here"))
        }
    }

    @Test func `steps that a baseline recorded are told apart`() async throws {
        try await Project.with(Samples.two) { project in
            let script = "\(Samples.two.sorted { $0.key < $1.key }.map(\.value).joined(separator: ";"))"
            try await project.withSession { _ = try await $0.execute(script: script) }
            let baseline = try await project.migrate("baseline", "--at", "2")
            #expect(baseline.exitCode == 0, "\(baseline.errorOutput)")
            let run = try await project.migrate("history")
            #expect(
                run.output.hasSuffix("2 steps recorded as applied without an attempt: a baseline, or another tool's\n")
            )
            #expect(try await project.migrate("history", "--format", "json").json["steps_without_attempt"] as? Int == 2)
        }
    }

    @Test func `a backfill that was cut short tells how far it is`() async throws {
        let files = [
            "0001_notes/up.sql": "\(Samples.notes); INSERT INTO notes SELECT n FROM generate_series(1, 100000) n",
            "0002_fill/up.sql":
                "-- migrate: backfill table=notes\nUPDATE notes SET body = repeat('x', 1 / (90000 - id)::int) WHERE body IS NULL",
        ]
        try await Project.with(files) { project in
            #expect(try await project.migrate("up").exitCode == 1)
            let json = try await project.migrate("history", "--format", "json").json
            let backfill = try #require((json["backfills"] as? [[String: Any]])?.first)
            let done = try #require(backfill["pages_done"] as? Int)
            let total = try #require(backfill["pages_total"] as? Int)
            #expect(0 < done && done < total)
            let rows = try #require(backfill["rows"] as? Int)
            #expect(try await Int(project.number("SELECT count(*) FROM notes WHERE body IS NOT NULL")) == rows)
            let batches = try #require(backfill["batches"] as? Int)
            let text = try await project.migrate("history").output
            #expect(text.contains("    so far: \(done) of \(total) pages, "))
            #expect(text.contains(" rows in \(batches) batch"))
        }
    }

    @Test func `a role that may only read can ask`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            let role = "reader_\(project.database.name)"
            let grant = "CREATE ROLE \(role) LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO \(role)"
            try await project.withSession { _ = try await $0.execute(script: grant) }
            let url = "\(project.database.connectionString) user=\(role)"
            let run = try await project.migrate("history", "--database-url", url)
            #expect(run.exitCode == 0)
            #expect(run.output.contains("2_title/up"))
            let drop = "DROP OWNED BY \(role); DROP ROLE \(role)"
            try await project.withSession { _ = try await $0.execute(script: drop) }
        }
    }

    @Test func `the page of a real run has every step of every run`() async throws {
        try await Project.with(Samples.two.merging(Self.failing) { $1 }) { project in
            _ = try await project.migrate("up")
            let run = try await project.migrate("history", "--html", "history.html")
            #expect(run.exitCode == 0)
            #expect(run.output.isEmpty)
            #expect(run.errorOutput == "written to history.html\n")
            let path = "\(project.folder)/history.html"
            let page = try ParsedPage(try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8))
            #expect(page.texts(of: "h1") == ["Migrations of \(project.database.name)"])
            #expect(page.texts(of: "h2") == ["Run 1"])
            #expect(page.texts(of: "th", with: ("scope", "row")) == ["1_notes/up", "2_title/up"])
        }
    }

    @Test func `a page and JSON at once contradict each other`() async throws {
        try await withFolder { folder in
            let run = try await runMigrate(["history", "--html", "x", "--format", "json"], in: folder)
            #expect(run.exitCode == 64)
        }
    }
}
