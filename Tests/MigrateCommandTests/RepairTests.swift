import Foundation
import Postgres
import TestSupport
import Testing

/// `migrate repair`.
@Suite struct RepairTests {
    /// A project in which the first migration was edited after both were applied.
    private static func edited(_ body: (Project) async throws -> Void) async throws {
        try await Project.with(Samples.two) { project in
            #expect(try await project.migrate("up").exitCode == 0)
            try project.write("0001_notes/up.sql", "-- What people write down.\n\(Samples.notes)")
            try await body(project)
        }
    }

    private static let checksums = "SELECT checksum FROM migrate_history ORDER BY version"

    @Test func `the refusal of an edited file names the command that settles it`() async throws {
        try await Self.edited { project in
            let refused = try await project.migrate("up")
            #expect(refused.exitCode == 7)
            #expect(refused.errorOutput.contains("bring back the file as it was applied"))
            #expect(refused.errorOutput.contains(#""migrate repair --at 0001""#))
            let was = try await project.texts(Self.checksums)
            let run = try await project.migrate("repair", "--at", "0001", "--yes")
            #expect(run.exitCode == 0)
            #expect(run.output.hasPrefix("recorded 0001_notes as its files are now; nothing was run"))
            let now = try await project.texts(Self.checksums)
            #expect(now[1] == was[1] && now[0] != was[0])
            #expect(run.errorOutput.contains("step 1, migrations/0001_notes/up.sql"))
            #expect(run.errorOutput.contains("recorded  sha256:\(was[0])\n      now       sha256:\(now[0])"))
            #expect(run.errorOutput.contains("git log -p -- migrations/0001_notes/up.sql"))
            #expect(try await project.migrate("up").output.hasPrefix("nothing to do"))
            #expect(try await project.migrate("verify").exitCode == 0)
            #expect(try await project.migrate("repair", "--at", "1", "--yes").output.hasPrefix("nothing to do"))
            #expect(try await project.migrate("history").output.contains("1_notes/repair  applied"))
        }
    }

    @Test func `without a terminal and --yes the difference is shown and nothing is recorded`() async throws {
        try await Self.edited { project in
            let was = try await project.texts(Self.checksums)
            let run = try await project.migrate("repair", "--at", "1", "--quiet")
            #expect(run.exitCode == 64)
            #expect(run.errorOutput.contains("0001_notes is recorded otherwise"))
            #expect(run.errorOutput.contains("whether to record 0001_notes as its files are now: say --yes"))
            #expect(try await project.migrate("repair", "--yes").exitCode == 64)
            #expect(try await project.migrate("repair", "--at", "7", "--yes").exitCode == 64)
            #expect(try await project.texts(Self.checksums) == was)
            #expect(try await project.number("SELECT count(*) FROM migrate_attempt WHERE step_name = 'repair'") == 0)
        }
    }

    @Test func `on a terminal only the whole word records`() async throws {
        try await Self.edited { project in
            let was = try await project.texts(Self.checksums)
            for (word, code) in [("y", Int32(10)), ("yes", 0)] {
                #expect(try await project.texts(Self.checksums) == was)
                let (terminal, exitCode) = try await Terminal.migrate(["repair", "--at", "1"], in: project) {
                    try await $0.wait("the question") { $0.output.contains("Type yes to go on: ") }
                    $0.type("\(word)\n")
                }
                #expect(exitCode == code, "\(terminal.output)")
                #expect(terminal.output.contains("sha256:\(was[0])"))
                #expect(terminal.output.contains("nothing was changed") == (code == 10))
            }
            #expect(try await project.texts(Self.checksums) != was)
        }
    }

    @Test func `a way back asks in the same words`() async throws {
        var files = Samples.two
        files["0002_title/down.sql"] = "-- Titles are lost.\nALTER TABLE notes DROP COLUMN title"
        try await Project.with(files) { project in
            _ = try await project.migrate("up")
            for (word, code) in [("no", Int32(10)), ("yes", 0)] {
                let (terminal, exitCode) = try await Terminal.migrate(["down", "--to", "1"], in: project) {
                    try await $0.wait("the question") { $0.output.contains("Type yes to go on: ") }
                    $0.type("\(word)\n")
                }
                #expect(exitCode == code, "\(terminal.output)")
                #expect(terminal.output.contains("0002_title: Titles are lost."))
                #expect(try await project.number("SELECT count(*) FROM migrate_history") == (code == 0 ? 1 : 2))
            }
        }
    }

    @Test func `JSON has what was recorded and what is now`() async throws {
        try await Self.edited { project in
            try FileManager.default.moveItem(
                atPath: "\(project.folder)/migrations/0001_notes",
                toPath: "\(project.folder)/migrations/0001_memos"
            )
            try project.write("0001_memos/up.sql", "-- migrate: requires-release=3\n\(Samples.notes)")
            let was = try await project.texts(Self.checksums)
            let json = try await project.migrate("repair", "--at", "1", "--yes", "--format", "json").json
            let now = try await project.texts(Self.checksums)
            #expect(json["outcome"] as? String == "repaired")
            #expect(json["version"] as? Int == 1 && json["exit_code"] as? Int == 0)
            #expect(json["migration"] as? String == "memos" && json["recorded_migration"] as? String == "notes")
            let step = try #require((json["steps"] as? [[String: Any]])?.first)
            #expect(step["file"] as? String == "migrations/0001_memos/up.sql")
            #expect(step["ordinal"] as? Int == 1)
            #expect(step["step"] as? String == "up" && step["recorded_step"] as? String == "up")
            #expect(step["checksum"] as? String == "sha256:\(now[0])")
            #expect(step["recorded_checksum"] as? String == "sha256:\(was[0])")
            #expect(step["requires_release"] as? Int == 3 && step["recorded_requires_release"] is NSNull)
            #expect(try await project.number("SELECT requires_release FROM migrate_history WHERE version = 1") == 3)
            let again = try await project.migrate("repair", "--at", "1", "--format", "json")
            #expect(again.exitCode == 0)
            #expect(try again.json["outcome"] as? String == "nothing_to_do")
            #expect(try (again.json["steps"] as? [Any])?.isEmpty == true)
        }
    }

    @Test func `steps that came or went are no repair`() async throws {
        try await Self.edited { project in
            try FileManager.default.moveItem(
                atPath: "\(project.folder)/migrations/0001_notes/up.sql",
                toPath: "\(project.folder)/migrations/0001_notes/01_table.sql"
            )
            try project.write("0001_notes/02_more.sql", "SELECT 1")
            let was = try await project.texts(Self.checksums)
            let run = try await project.migrate("repair", "--at", "1", "--yes")
            #expect(run.exitCode == 7)
            #expect(run.errorOutput.contains("a repair records texts; it adds, moves and removes no step"))
            #expect(try await project.texts(Self.checksums) == was)
        }
    }

    @Test func `where files are run only if signed, a repair needs the signature too`() async throws {
        try await Self.edited { project in
            try Data("nobody ssh-ed25519 AAAA\n".utf8).write(to: URL(fileURLWithPath: "\(project.folder)/signers"))
            let was = try await project.texts(Self.checksums)
            let run = try await project.migrate("repair", "--at", "1", "--yes", "--require-signature", "signers")
            #expect(run.exitCode == 7)
            #expect(run.errorOutput.contains("0001_notes/up.sql: the file has no signature"))
            #expect(try await project.texts(Self.checksums) == was)
        }
    }
}
