import Foundation
import Postgres
import TestSupport
import Testing

/// `migrate down`.
@Suite struct DownTests {
    private static let reversible = Samples.two.merging([
        "0001_notes/down.sql": "-- Every note is lost.\nDROP TABLE notes",
        "0002_title/down.sql": "-- Titles are lost.\nALTER TABLE notes DROP COLUMN title",
    ]) { $1 }

    @Test func `migrations are taken back newest first, and can be applied again`() async throws {
        try await Project.with(Self.reversible) { project in
            _ = try await project.migrate("up", "--to", "1")
            _ = try await project.migrate("up")
            let run = try await project.migrate("down", "--to", "1", "--yes")
            #expect(run.exitCode == 0, "\(run.errorOutput)")
            #expect(run.output == "took back 1 migration; version 0001 is the newest now\n")
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 1)
            #expect(try await project.migrate("verify").exitCode == 0)
            #expect(try await project.migrate("down", "--to", "1", "--yes").output.hasPrefix("nothing to do"))
            #expect(try await project.migrate("up").exitCode == 0)
            let all = try await project.migrate("down", "--to", "0", "--yes", "--format", "json")
            #expect(try all.json["reverted"] as? [Int] == [2, 1])
            #expect(try all.json["current"] is NSNull)
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 0)
            #expect(try await project.number("SELECT count(*) FROM pg_class WHERE relname = 'notes'") == 0)
        }
    }

    @Test func `without a terminal and --yes nothing is changed`() async throws {
        try await Project.with(Self.reversible) { project in
            _ = try await project.migrate("up")
            let run = try await project.migrate("down", "--to", "1")
            #expect(run.exitCode == 64)
            #expect(run.errorOutput.contains("say --yes"))
            #expect(try await project.migrate("down", "--yes").exitCode == 64)
            #expect(try await project.migrate("down", "--to", "7", "--yes").exitCode == 64)
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 2)
        }
    }

    @Test func `a way back runs as the role that --role names`() async throws {
        try await Project.with(Self.reversible) { project in
            _ = try await project.migrate("up")
            let refused = try await project.migrate("down", "--to", "1", "--yes", "--role", "pg_monitor")
            #expect(refused.exitCode == 1, "\(refused.errorOutput)")
            #expect(refused.errorOutput.contains("must be owner of table notes"))
            let unknown = try await project.migrate("down", "--to", "1", "--yes", "--role", "nobody_at_all")
            #expect(unknown.exitCode == 6)
            #expect(unknown.errorOutput.contains("there is no role nobody_at_all"))
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 2)
        }
    }

    @Test func `a missing down script is told before anything changes`() async throws {
        var files = Self.reversible
        files["0001_notes/down.sql"] = nil
        try await Project.with(files) { project in
            _ = try await project.migrate("up")
            let run = try await project.migrate("down", "--to", "0", "--yes")
            #expect(run.exitCode == 1)
            #expect(run.errorOutput.hasPrefix("migrations/0001_notes: the migration has no down.sql"))
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 2)
        }
    }

    @Test func `a way back that leads to another schema is rolled back, unless it is accepted`() async throws {
        var files = Self.reversible
        files["0002_title/down.sql"] = "SELECT 1"
        try await Project.with(files) { project in
            _ = try await project.migrate("up", "--to", "1")
            _ = try await project.migrate("up")
            let run = try await project.migrate("down", "--to", "1", "--yes")
            #expect(run.exitCode == 7)
            #expect(run.errorOutput.contains("0002_title/down.sql: the schema behind it is not the one"))
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 2)
            let accepted = try await project.migrate("down", "--to", "1", "--yes", "--accept-difference")
            #expect(accepted.exitCode == 0, "\(accepted.errorOutput)")
            #expect(try await project.migrate("verify").exitCode == 7)
        }
    }

    @Test func `refused SQL leaves the migration as it was, and a migration applied in part is taken back`()
        async throws
    {
        var files = Self.reversible
        files["0003_more/01_one.sql"] = "CREATE TABLE one ()"
        files["0003_more/02_two.sql"] = "SELECT no_such_function()"
        files["0003_more/down.sql"] = "DROP TABLE IF EXISTS one, two"
        files["0002_title/down.sql"] = "ALTER TABLE notes DROP COLUMN title; SELECT nothing_like_it()"
        try await Project.with(files) { project in
            #expect(try await project.migrate("up").exitCode == 1)
            let run = try await project.migrate("down", "--to", "1", "--yes")
            #expect(run.exitCode == 1)
            #expect(run.errorOutput.contains("migrations/0002_title/down.sql:1:"))
            let column = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'notes'::regclass AND attname = 'title'"
            #expect(try await project.number(column) == 1)
            #expect(try await project.number("SELECT count(*) FROM migrate_history WHERE version = 3") == 0)
            #expect(try await project.number("SELECT count(*) FROM pg_class WHERE relname = 'one'") == 0)
        }
    }

    @Test func `a table that stays locked uses up the stall budget and answers 75`() async throws {
        try await Project.with(Self.reversible) { project in
            _ = try await project.migrate("up")
            try await project.withSession { session in
                try await session.execute(script: "BEGIN; LOCK TABLE notes IN ACCESS SHARE MODE")
                let run = try await project.migrate("down", "--to", "1", "--yes", "--stall-budget", "300")
                #expect(run.exitCode == 75)
            }
            #expect(try await project.migrate("down", "--to", "1", "--yes").exitCode == 0)
        }
    }
}
