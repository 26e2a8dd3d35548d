import Foundation
import Glibc
import Postgres
import Testing

/// What the command says and answers when something is wrong.
@Suite struct FailureTests {
    private static let broken = """
        ALTER TABLE notes ADD COLUMN rank integer;
        ALTER TABLE notes
            ADD COLUMN size no_such_type;
        """

    @Test func `broken SQL shows place, line, caret and SQLSTATE, and leaves nothing half-done`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            try project.write("0003_broken/up.sql", Self.broken)
            let run = try await project.migrate("up")
            #expect(run.exitCode == 1)
            #expect(run.output.isEmpty)
            #expect(run.errorOutput.hasPrefix("migrations/0003_broken/up.sql:3:21: "))
            #expect(run.errorOutput.contains("(SQLSTATE 42704)"))
            #expect(run.errorOutput.contains("      ADD COLUMN size no_such_type;\n                      ^\n"))
            #expect(run.errorOutput.contains("run \"migrate up\" again"))
            let columns = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'notes'::regclass AND attname = 'rank'"
            #expect(try await project.number(columns) == 0)
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 2)
        }
    }

    @Test func `a failure in JSON has step_failed and exactly one finished event`() async throws {
        try await Project.with(Samples.two) { project in
            try project.write("0003_broken/up.sql", Self.broken)
            let run = try await project.migrate("up", "--format", "json")
            let lines = try run.jsonLines
            #expect(run.exitCode == 1)
            let events = lines.compactMap { $0["event"] as? String }
            #expect(events.filter { $0 == "finished" }.count == 1)
            #expect(events.last == "finished")
            let failed = try #require(lines.first { $0["event"] as? String == "step_failed" })
            let error = try #require(failed["error"] as? [String: Any])
            #expect(error["sqlstate"] as? String == "42704")
            #expect(error["line"] as? Int == 3)
            #expect(lines.last?["outcome"] as? String == "failed")
            #expect(lines.last?["exit_code"] as? Int == 1)
            #expect(lines.last?["applied"] as? Int == 2)
            #expect(lines.last?["longest_lock_held_ms"] is NSNumber)
        }
    }

    @Test func `an applied file that was edited is refused, and nothing changes`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            try project.write("0001_notes/up.sql", "CREATE TABLE notes (id bigint)")
            try project.write("0003_more/up.sql", "CREATE TABLE more ()")
            let run = try await project.migrate("up")
            #expect(run.exitCode == 7)
            #expect(run.errorOutput.contains("0001_notes/up.sql was edited after it was applied"))
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 2)
            #expect(try await project.migrate("status", "--exit-code").exitCode == 7)
            #expect(try await project.migrate("plan", "--exit-code").exitCode == 7)
        }
    }

    @Test func `a database that is ahead of the files answers 9`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            try FileManager.default.removeItem(atPath: "\(project.folder)/migrations/0002_title")
            let run = try await project.migrate("up")
            #expect(run.exitCode == 9)
            #expect(run.errorOutput.contains("the database has version 2"))
        }
    }

    @Test func `a lock that another runner holds is waited for, and then answers 4`() async throws {
        try await Project.with(Samples.two) { project in
            try await project.withSession { session in
                try await session.execute(
                    script: "BEGIN; SELECT pg_advisory_xact_lock(1835624306, \(Self.lockKey("public")))"
                )
                let run = try await project.migrate("up", "--lock-wait", "0.5")
                #expect(run.exitCode == 4)
                #expect(run.errorOutput.contains("waiting for another runner"))
                #expect(run.errorOutput.contains("another runner holds the lock"))
            }
            #expect(try await project.migrate("up").exitCode == 0)
        }
    }

    @Test func `a table that stays locked uses up the stall budget and answers 75`() async throws {
        try await Project.with(["0001_notes/up.sql": Samples.notes]) { project in
            _ = try await project.migrate("up")
            try project.write("0002_title/up.sql", "ALTER TABLE notes ADD COLUMN title text")
            try await project.withSession { session in
                try await session.execute(script: "BEGIN; LOCK TABLE notes IN ACCESS SHARE MODE")
                let run = try await project.migrate("up", "--stall-budget", "300")
                #expect(run.exitCode == 75)
                #expect(run.errorOutput.contains("0002_title/up could not get its lock"))
            }
            #expect(try await project.migrate("up").exitCode == 0)
        }
    }

    @Test func `an interrupt rolls the step back and answers 10, and the next run completes`() async throws {
        let slow = "SELECT pg_sleep(CASE WHEN EXISTS (SELECT FROM notes) THEN 0 ELSE 600 END)"
        try await Project.with(["0001_notes/up.sql": Samples.notes, "0002_slow/up.sql": slow]) { project in
            let run = try await project.migrate("up", "--format", "json") { process in
                try await project.eventually(
                    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep')"
                )
                #expect(kill(process, SIGINT) == 0)
            }
            #expect(run.exitCode == 10)
            #expect(try run.jsonLines.last?["outcome"] as? String == "paused")
            #expect(try run.jsonLines.last?["exit_code"] as? Int == 10)
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 1)
            _ = try await project.withSession { try await $0.execute(script: "INSERT INTO notes VALUES (1)") }
            #expect(try await project.migrate("up").exitCode == 0)
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 2)
        }
    }

    @Test func `a second signal ends the program at once`() async throws {
        // A step that swallows the cancel request which the first signal leads to.
        let stubborn = """
            DO $$ BEGIN
                LOOP
                    BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END;
                END LOOP;
            END $$
            """
        try await Project.with(["0001_stubborn/up.sql": stubborn]) { project in
            let sleeping = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
            let run = try await project.migrate("up") { process in
                try await project.eventually("SELECT EXISTS (SELECT \(sleeping))")
                #expect(kill(process, SIGINT) == 0)
                // The two signals would count as one if the first had not been taken yet.
                try await Task.sleep(for: .milliseconds(500))
                #expect(kill(process, SIGTERM) == 0)
            }
            #expect(run.exitCode == 143)
            #expect(run.errorOutput.contains("once more stops at once"))
            #expect(try await project.number("SELECT count(pg_terminate_backend(pid)) \(sleeping)") >= 0)
        }
    }

    @Test func `a server that cannot be reached answers 5`() async throws {
        try await withFolder { folder in
            try FileManager.default.createDirectory(atPath: "\(folder)/migrations", withIntermediateDirectories: true)
            let url = "host=\(folder) dbname=none"
            for command in [["up"], ["status"], ["plan"], ["wait", "--timeout", "0.3"]] {
                let run = try await runMigrate(command + ["--database-url", url], in: folder)
                #expect(run.exitCode == 5, "\(command)")
                #expect(run.output.isEmpty, "\(command)")
                #expect(run.errorOutput.contains("error: "), "\(command)")
            }
            let json = try await runMigrate(["up", "--format", "json", "--database-url", url], in: folder)
            #expect(try json.jsonLines.map { $0["event"] as? String } == ["finished"])
            #expect(try json.jsonLines.last?["exit_code"] as? Int == 5)
        }
    }

    @Test func `what is wrong with the files is told first, whatever became of the connection`() async throws {
        try await Project.with(["0001_notes/up.sql": ""]) { project in
            let reached = try await project.migrate("up")
            let unreachable = try await project.migrate("up", "--database-url", "host=\(project.folder) dbname=none")
            #expect(reached.exitCode == unreachable.exitCode)
            #expect(reached.errorOutput == unreachable.errorOutput)
            #expect(reached.errorOutput.hasPrefix("migrations/0001_notes/up.sql: the file has no SQL in it"))
        }
    }

    @Test func `without a database there is a clear error, not a default`() async throws {
        try await withFolder { folder in
            try FileManager.default.createDirectory(atPath: "\(folder)/migrations", withIntermediateDirectories: true)
            for command in ["up", "status", "plan", "wait"] {
                let run = try await runMigrate([command], in: folder)
                #expect(run.exitCode == 64, "\(command)")
                #expect(run.errorOutput.contains("no database was given"), "\(command)")
                #expect(run.errorOutput.contains("--database-url"), "\(command)")
            }
        }
    }

    @Test(arguments: [
        ["upp"], ["up", "--to", "x"], ["up", "--lock-wait", "-1"], ["up", "--stall-budget", "0"], ["new"],
        ["status", "--local", "--database-url", "x"], ["status", "--log-level", "loud"], ["new", "Bad Name"],
    ])
    func `a command line that makes no sense answers 64`(arguments: [String]) async throws {
        try await withFolder { folder in
            let run = try await runMigrate(arguments, in: folder)
            #expect(run.exitCode == 64)
            #expect(run.output.isEmpty)
            #expect(!run.errorOutput.isEmpty)
        }
    }

    @Test(arguments: [
        "postgresql://deploy:hunter2secret@127.0.0.1:1/db", "postgresql://deploy:x@hunter2secret@127.0.0.1:1/db",
        "postgresql://deploy:hunter2secret/x@127.0.0.1:1/db", "postgresql://deploy:hunter2secret@127.0.0.1:1/db?no=1",
        "host=127.0.0.1 port=1 password=hunter2secret", "host=127.0.0.1 port=1 password='hunter2secret",
    ])
    func `a password is never shown`(url: String) async throws {
        try await withFolder { folder in
            try FileManager.default.createDirectory(atPath: "\(folder)/migrations", withIntermediateDirectories: true)
            let more = ["--verbose", "--log-level", "trace"]
            for command in [["up"], ["up", "--format", "json"], ["status"], ["plan"], ["wait", "--timeout", "0.1"]] {
                let run = try await runMigrate(command + more + ["--database-url", url], in: folder)
                #expect(run.exitCode == 5 || run.exitCode == 64, "\(command)")
                #expect(!(run.output + run.errorOutput).contains("hunter2"), "\(command)")
            }
            let misplaced = try await runMigrate(["up", url], in: folder)
            #expect(misplaced.exitCode == 64)
            #expect(!misplaced.errorOutput.contains("hunter2"))
        }
    }

    /// The key of a schema's lock, which must never change: an older and a newer release exclude each other by it.
    private static func lockKey(_ schema: String) -> Int32 {
        Int32(bitPattern: schema.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 })
    }
}
