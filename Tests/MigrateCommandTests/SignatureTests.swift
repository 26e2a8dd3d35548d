import Foundation
import Subprocess
import Testing

/// `--require-signature`, with keys of `ssh-keygen`.
@Suite struct SignatureTests {
    private static let files = [
        "0001_notes/up.sql": Samples.notes, "0001_notes/down.sql": "DROP TABLE notes",
        "0002_title/up.sql": "ALTER TABLE notes ADD COLUMN title text",
    ]

    private func keygen(_ arguments: [String]) async throws {
        let result = try await Subprocess.run(
            .name("ssh-keygen"),
            arguments: Arguments(arguments),
            output: .discarded,
            error: .string(limit: 1 << 16)
        )
        try #require(result.terminationStatus.isSuccess, "\(result.standardError)")
    }

    /// Makes a key, and gives its path.
    private func key(_ name: String, in project: Project) async throws -> String {
        let path = "\(project.folder)/\(name)"
        try await keygen(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path])
        return path
    }

    private func allow(_ key: String, in project: Project) throws {
        let text =
            "alice@example.com namespaces=\"migrate\" " + (try String(contentsOfFile: "\(key).pub", encoding: .utf8))
        try text.write(toFile: "\(project.folder)/signers", atomically: true, encoding: .utf8)
    }

    private func sign(_ file: String, _ key: String, in project: Project, purpose: String = "migrate") async throws {
        try? FileManager.default.removeItem(atPath: "\(project.folder)/\(file).sig")
        try await keygen(["-q", "-Y", "sign", "-f", key, "-n", purpose, "\(project.folder)/\(file)"])
    }

    @Test func `only files run that are signed by somebody who is allowed`() async throws {
        try await Project.with(Self.files) { project in
            let alice = try await key("alice", in: project)
            let mallory = try await key("mallory", in: project)
            try allow(alice, in: project)
            let up = ["up", "--require-signature", "signers"]
            try await sign("migrations/0001_notes/up.sql", alice, in: project)

            let missing = try await project.migrate(up)
            #expect(missing.exitCode == 7, "\(missing.errorOutput)")
            #expect(missing.errorOutput.contains("migrations/0002_title/up.sql: the file has no signature"))
            #expect(
                missing.errorOutput.contains("ssh-keygen -Y sign -f KEY -n migrate migrations/0002_title/up.sql")
            )
            #expect(!missing.errorOutput.contains("0001_notes/up.sql:"))
            #expect(try await project.number("SELECT count(*) FROM pg_class WHERE relname = 'notes'") == 0)

            try await sign("migrations/0002_title/up.sql", mallory, in: project)
            #expect(try await project.migrate(up).errorOutput.contains("by nobody who is allowed"))
            try await sign("migrations/0002_title/up.sql", alice, in: project, purpose: "file")
            #expect(try await project.migrate(up).errorOutput.contains("not of these bytes"))
            try await sign("migrations/0002_title/up.sql", alice, in: project)
            try project.write("0002_title/up.sql", "ALTER TABLE notes ADD COLUMN title varchar")
            #expect(try await project.migrate(up).errorOutput.contains("not of these bytes"))
            #expect(try await project.number("SELECT count(*) FROM pg_class WHERE relname = 'notes'") == 0)

            try project.write("0002_title/up.sql", "ALTER TABLE notes ADD COLUMN title text")
            let done = try await project.migrate(up)
            #expect(done.exitCode == 0, "\(done.errorOutput)")
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 2)
            // Applied files are not run, and signatures are no files of a migration.
            #expect(try await project.migrate("status", "--exit-code").exitCode == 0)
        }
    }

    @Test func `a way back and a saved plan need a signature too`() async throws {
        try await Project.with(["0001_notes/up.sql": Samples.notes, "0001_notes/down.sql": "DROP TABLE notes"]) {
            project in
            let alice = try await key("alice", in: project)
            try allow(alice, in: project)
            try await sign("migrations/0001_notes/up.sql", alice, in: project)
            _ = try await project.migrate("plan", "--output", "plan.json")
            let follow = ["up", "--plan", "plan.json", "--require-signature", "signers"]
            let unsigned = try await project.migrate(follow)
            #expect(unsigned.exitCode == 7)
            #expect(unsigned.errorOutput.contains("plan.json: the file has no signature"))
            try await sign("plan.json", alice, in: project)
            #expect(try await project.migrate(follow).exitCode == 0)

            let down = ["down", "--to", "0", "--yes", "--require-signature", "signers"]
            #expect(
                try await project.migrate(down).errorOutput.contains("0001_notes/down.sql: the file has no signature")
            )
            #expect(try await project.number("SELECT count(*) FROM migrate_history") == 1)
            try await sign("migrations/0001_notes/down.sql", alice, in: project)
            #expect(try await project.migrate(down).exitCode == 0)
            #expect(try await project.migrate("up", "--require-signature", "nowhere").exitCode == 64)
        }
    }

    @Test func `a signature without its file is an entry that no rule explains`() async throws {
        try await Project.with(["0001_notes/up.sql": Samples.notes, "0001_notes/other.sql.sig": "x"]) { project in
            let run = try await project.migrate("status")
            #expect(run.exitCode == 1)
            #expect(run.errorOutput.contains("other.sql.sig"))
        }
    }
}
