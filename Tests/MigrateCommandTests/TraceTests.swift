import Foundation
import Postgres
import TestSupport
import Testing

/// `migrate lint --trace`: what steps really do, on a private server.
@Suite struct TraceTests {
    private static let hidden = """
        DO $$ BEGIN EXECUTE 'ALTER TABLE notes ALTER COLUMN id TYPE numeric'; END $$;
        -- migrate would not see this one by its text
        ALTER TABLE notes ADD COLUMN title text
        """

    @Test func `locks and rewrites that no text tells are found`() async throws {
        try await Project.with(["0001_notes/up.sql": Samples.notes, "0002_hidden/up.sql": Self.hidden]) { project in
            let run = try await project.migrate("lint", "--trace", "--format", "json")
            let traces = try #require(try run.json["trace"] as? [[String: Any]])
            #expect(traces.map { $0["step"] as? String } == ["up", "up"])
            #expect(traces[0]["rewritten"] as? [String] == [])
            #expect(traces[1]["rewritten"] as? [String] == ["public.notes"])
            let statements = try #require(traces[1]["statements"] as? [[String: Any]])
            #expect(statements.map { $0["line"] as? Int } == [1, 3])
            let first = try #require((statements[0]["locks"] as? [[String: Any]])?.first)
            #expect(first["table"] as? String == "public.notes")
            #expect(first["mode"] as? String == "ACCESS EXCLUSIVE")
            #expect(first["foreseen"] as? Bool == false)
            #expect(first["blocks_readers"] as? Bool == true)
            // It holds the lock already.
            #expect((statements[1]["locks"] as? [[String: Any]])?.isEmpty == true)
        }
    }

    @Test func `with a database only what is pending is tried, and the database stays as it is`() async throws {
        let files = [
            "0001_notes/up.sql": Samples.notes, "0002_title/up.sql": "ALTER TABLE notes ADD COLUMN title text",
            "0003_index/up.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY notes_title ON notes (title)",
            "0004_fill/up.sql": "-- migrate: backfill table=notes\nUPDATE notes SET title = 'x' WHERE title IS NULL",
        ]
        try await Project.with(files) { project in
            _ = try await project.migrate("up", "--to", "1")
            let url = project.database.connectionString
            let run = try await project.migrate("lint", "--trace", "--database-url", url)
            #expect(run.exitCode == 0, "\(run.output)\(run.errorOutput)")
            let trace = try #require(run.output.range(of: "trace of 3 steps on empty tables:"))
            #expect(
                run.output[trace.lowerBound...] == """
                    trace of 3 steps on empty tables:

                    migrations/0002_title/up.sql  (transaction)
                      line 1  ALTER TABLE … ADD COLUMN  ACCESS EXCLUSIVE on public.notes

                    migrations/0003_index/up.sql  (no-transaction)
                      line 2  CREATE INDEX CONCURRENTLY  not seen: it runs outside a transaction

                    migrations/0004_fill/up.sql  (backfill)
                      line 2  UPDATE  ROW EXCLUSIVE on public.notes

                    """
            )
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 1)
        }
    }

    @Test func `a step that does not run on empty tables is named with its place`() async throws {
        let files = ["0001_notes/up.sql": "\(Samples.notes);\nSELECT 1 / (SELECT count(*) FROM notes)"]
        try await Project.with(files) { project in
            let run = try await project.migrate("lint", "--trace")
            #expect(run.exitCode == 1)
            #expect(run.errorOutput.contains("migrations/0001_notes/up.sql:2:1: the step does not run on empty tables"))
            #expect(run.errorOutput.contains("division by zero (SQLSTATE 22012)"))
        }
    }

    @Test func `what the shipped migrations lock is what their text tells`() async throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let run = try await runMigrate(["lint", "--trace", "--format", "json"], in: root)
        #expect(run.exitCode == 0, "\(run.errorOutput)")
        let traces = try #require(try run.json["trace"] as? [[String: Any]])
        #expect(traces.count == 8)
        #expect(traces.allSatisfy { ($0["rewritten"] as? [String])?.isEmpty == true })
        let locks = traces.flatMap { $0["statements"] as? [[String: Any]] ?? [] }
            .flatMap { $0["locks"] as? [[String: Any]] ?? [] }
        #expect(locks.contains { $0["table"] as? String == "public.vmm" })
        #expect(locks.allSatisfy { $0["foreseen"] as? Bool == true }, "\(locks)")
    }

    @Test(arguments: [["--format", "sarif"], ["--format", "github"], ["migrations"]])
    func `a trace is of migrations, and told as text or JSON`(arguments: [String]) async throws {
        try await withFolder { folder in
            let run = try await runMigrate(["lint", "--trace"] + arguments, in: folder)
            #expect(run.exitCode == 64)
        }
    }
}
