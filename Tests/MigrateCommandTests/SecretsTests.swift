import Foundation
import Postgres
import TestSupport
import Testing

/// Everything that a full run says at its most verbose level, without what must never be said.
@Suite struct SecretsTests {
    private static let password = "s3cr3t-Password-42"
    private static let other = "an0ther-Secret-43"

    private static let files = [
        "0001_notes/up.sql": Samples.notes, "0001_notes/down.sql": "DROP TABLE notes",
        "0001_notes/verify.sql": "SELECT 1",
        "0002_more/01_index.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY notes_body ON notes (body)",
        "0002_more/02_fill.sql": "-- migrate: backfill table=notes\nUPDATE notes SET body = '' WHERE body IS NULL",
        "0003_wrong/up.sql": "ALTER TABLE notes ADD COLUMN id int",
    ]

    /// How to reach the database, with secrets that a server which trusts everybody does not ask for.
    private func connection(_ project: Project) -> String {
        "\(project.database.connectionString) password=\(Self.password) sslpassword=\(Self.other)"
    }

    /// The command lines of all processes, as anybody on the machine sees them.
    private static func commandLines() -> String {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.filter { Int($0) != nil }.compactMap { process in
            // Not by FileManager.contents, which leaks its buffer for a file whose size is not known.
            try? FileHandle(forReadingFrom: URL(filePath: "/proc/\(process)/cmdline")).readToEnd()
        }.map {
            String(decoding: $0, as: UTF8.self)
        }.joined(separator: "\n")
    }

    @Test func `no password is in any output, file, process list or session of a full run`() async throws {
        try await Project.with(Self.files) { project in
            var environment = ["MIGRATE_DATABASE_URL": connection(project), "PGPASSWORD": Self.password]
            var said: [String] = []
            func run(_ arguments: String...) async throws {
                let all = arguments + ["--verbose", "--log-level", "trace"]
                let finished = try await runMigrate(all, in: project.folder, environment: environment) { _ in
                    for _ in 0..<10 {
                        said.append(Self.commandLines())
                        try await Task.sleep(for: .milliseconds(10))
                    }
                }
                said += [finished.output, finished.errorOutput]
            }
            for format in ["text", "json"] {
                for command in ["plan", "up", "status", "history", "verify", "drift", "doctor", "dump", "lint"] {
                    try await run(command, "--format", format)
                }
                try await project.execute("INSERT INTO notes VALUES (1, NULL) ON CONFLICT DO NOTHING")
            }
            try await run("history", "--html", "page.html")
            try await run("plan", "--output", "plan.json")
            try await run("pause")
            try await run("up")
            try await run("resume")
            try await run("down", "--to", "0", "--yes")
            let seen = try await project.texts(
                """
                SELECT coalesce(string_agg(a::text, ' '), '') FROM pg_stat_activity AS a
                UNION ALL SELECT coalesce(string_agg(a::text, ' '), '') FROM migrate_attempt AS a
                UNION ALL SELECT coalesce(string_agg(a::text, ' '), '') FROM migrate_control AS a
                """
            )
            // A server that is not there, and a URL that cannot be one.
            environment["MIGRATE_DATABASE_URL"] = "postgresql://u:\(Self.password)@127.0.0.1:1/x?connect_timeout=2"
            try await run("status")
            environment["MIGRATE_DATABASE_URL"] = "postgresql://u:\(Self.password)@/x?no_such_option=\(Self.other)"
            try await run("status")
            for file in ["page.html", "plan.json"] {
                said.append(try String(contentsOfFile: "\(project.folder)/\(file)", encoding: .utf8))
            }
            let everything = (said + seen).joined(separator: "\n")
            try #require(everything.contains("CREATE INDEX CONCURRENTLY notes_body"))
            #expect(!everything.contains(Self.password))
            #expect(!everything.contains(Self.other))
        }
    }

    @Test func `bound values are in no log, at the most verbose level`() async throws {
        try await Project.with(["0001_notes/up.sql": Samples.notes]) { project in
            let run = try await project.migrate("up", "--verbose", "--log-level", "trace", "--format", "json")
            #expect(run.exitCode == 0)
            let checksum = try #require(try await project.texts("SELECT checksum FROM migrate_history").first)
            #expect(!run.errorOutput.isEmpty)
            #expect(!(run.output + run.errorOutput).contains(checksum))
        }
    }
}
