import Foundation
import Postgres
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// What the documents say that the commands print is what they print.
///
/// `VMM_STORE_WRITE_TRANSCRIPTS=1 swift test --filter TranscriptTests` writes what they print now into the documents;
/// read the difference before it is committed.
@Suite struct TranscriptTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test(arguments: ["docs/commands/migrate.md", "docs/commands/migrate-json.md", "docs/commands/vmmdb.md"])
    func `a document's session prints what it says`(document: String) async throws {
        let url = Self.root.appending(path: document)
        let transcript = Transcript(try String(contentsOf: url, encoding: .utf8))
        try await Project.with { project in
            let migrations = "\(project.folder)/migrations"
            try FileManager.default.copyItem(atPath: Self.root.appending(path: "migrations").path, toPath: migrations)
            try FileManager.default.removeItem(atPath: "\(migrations)/README.md")
            var outputs: [String] = []
            for part in transcript.parts {
                switch part {
                case .text: break
                case .file(let path, let content): try Self.write(content, to: "\(project.folder)/\(path)")
                case .command(let line, let expected):
                    let printed = try await Self.run(line, in: project)
                    outputs.append(printed)
                    if !Self.writes {
                        #expect(Transcript.comparable(printed) == Transcript.comparable(expected), "$ \(line)")
                    }
                }
            }
            #expect(!outputs.isEmpty)
            if Self.writes { try Data(transcript.document(outputs).utf8).write(to: url) }
        }
    }

    @Test func `every command is in a document, as text and as JSON`() throws {
        var lines: [String] = []
        for name in ["migrate", "migrate-json", "vmmdb"] {
            let url = Self.root.appending(path: "docs/commands/\(name).md")
            for case .command(let line, _) in Transcript(try String(contentsOf: url, encoding: .utf8)).parts {
                lines.append(line)
            }
        }
        let commands = [
            "migrate up", "migrate status", "migrate plan", "migrate history", "migrate verify", "migrate drift",
            "migrate lint", "migrate doctor", "migrate down", "migrate dump", "migrate new", "migrate baseline",
            "migrate repair", "migrate wait", "migrate pause", "migrate resume", "migrate local start",
            "migrate local stop",
            "migrate local url", "migrate local reset", "vmmdb list", "vmmdb show", "vmmdb instance", "vmmdb failures",
            "vmmdb abandoned",
            "vmmdb mark-failed",
        ]
        for command in commands {
            let uses = lines.filter { $0.hasPrefix(command) }
            #expect(uses.contains { !$0.contains("--format json") }, "\(command) as text")
            #expect(uses.contains { $0.contains("--format json") }, "\(command) as JSON")
        }
    }

    private static var writes: Bool { ProcessInfo.processInfo.environment["VMM_STORE_WRITE_TRANSCRIPTS"] == "1" }

    private static func write(_ content: String, to path: String) throws {
        let url = URL(fileURLWithPath: path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content.utf8).write(to: url)
    }

    /// What a person sees: both streams as they come, and the exit code where it is not 0.
    private static func run(_ line: String, in project: Project) async throws -> String {
        let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        let result = try await Subprocess.run(
            .path("/bin/sh"),
            arguments: ["-c", "exec 2>&1; \(line)"],
            environment: .inherit.updating([
                "PATH": "\(folder):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")",
                "MIGRATE_DATABASE_URL": project.database.connectionString,
            ]),
            workingDirectory: FilePath(project.folder),
            input: .none,
            output: .string(limit: 1 << 20),
            error: .discarded
        )
        var text = result.standardOutput.trimmingCharacters(in: .newlines)
        if case .exited(let code) = result.terminationStatus, code != 0 {
            text += "\(text.isEmpty ? "" : "\n")[exit code \(code)]"
        }
        return text
    }
}
