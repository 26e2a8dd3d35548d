import Foundation
import Postgres
import TestSupport
import Testing

/// `migrate lint`.
@Suite struct LintTests {
    private static let unsafe = [
        "0001_notes/up.sql": Samples.notes,
        "0002_index/up.sql": "-- é\nSELECT 'é'; CREATE INDEX notes_body ON notes (body);\n",
    ]
    private static let place = "migrations/0002_index/up.sql"

    private func lint(_ files: [String: String], _ arguments: String...) async throws -> Finished {
        try await withFolder { folder in
            for (path, text) in files {
                let url = URL(fileURLWithPath: "\(folder)/migrations/\(path)")
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(),
                    withIntermediateDirectories: true
                )
                try Data(text.utf8).write(to: url)
            }
            return try await runMigrate(["lint"] + arguments, in: folder)
        }
    }

    @Test func `a finding is told with its place, a caret, the reason and the safer form`() async throws {
        let run = try await lint(Self.unsafe)
        #expect(run.exitCode == 8)
        #expect(run.errorOutput == "")
        #expect(
            run.output == """
                \(Self.place):2:13: index-not-concurrent: an index is built while writers wait
                  SELECT 'é'; CREATE INDEX notes_body ON notes (body);
                              ^
                  why: CREATE INDEX keeps every writer of notes waiting until it is built
                  safer: CREATE INDEX CONCURRENTLY, in a step of its own that begins with: -- migrate: no-transaction
                  see: docs/lint/index-not-concurrent.md

                1 finding in 2 files

                """
        )
    }

    @Test func `what is safe, or silenced with a reason, answers 0`() async throws {
        let silenced = [
            "0001_notes/up.sql": Samples.notes,
            "0002_drop/up.sql": "-- migrate: allow drop-table it was never used\nDROP TABLE notes",
        ]
        let run = try await lint(silenced)
        #expect(run.exitCode == 0)
        #expect(run.output == "no findings in 2 files, 1 silenced\n")
        let github = try await lint(Samples.two, "--format", "github")
        #expect(github.exitCode == 0)
        #expect(github.output == "")
        let json = try await lint(Samples.two, "--format", "json")
        #expect(json.exitCode == 0)
        #expect(try json.json["findings"] as? [String] == [])
    }

    @Test func `JSON tells each finding with the same fields`() async throws {
        let run = try await lint(Self.unsafe, "--format", "json")
        #expect(run.exitCode == 8)
        let report = try run.json
        #expect(Set(report.keys) == ["findings", "files", "silenced"])
        #expect(report["files"] as? Int == 2)
        #expect(report["silenced"] as? Int == 0)
        let finding = try #require((report["findings"] as? [[String: Any]])?.first)
        let names: Set = ["rule", "title", "file", "line", "column", "why", "safer", "page", "table_bytes"]
        #expect(Set(finding.keys) == names)
        #expect(finding["rule"] as? String == "index-not-concurrent")
        #expect(finding["file"] as? String == Self.place)
        #expect(finding["line"] as? Int == 2)
        #expect(finding["column"] as? Int == 13)
        #expect(finding["table_bytes"] is NSNull)
    }

    @Test func `GitHub's commands are escaped as GitHub reads them`() async throws {
        try await withFolder { folder in
            try Data("CREATE INDEX i ON \"50%\" (a)".utf8).write(to: URL(fileURLWithPath: "\(folder)/a,b.sql"))
            let run = try await runMigrate(["lint", "a,b.sql", "--format", "github"], in: folder)
            #expect(run.exitCode == 8)
            let command = "::error file=a%2Cb.sql,line=1,col=1,title=index-not-concurrent::"
            #expect(run.output.hasPrefix("\(command)an index is built while writers wait: "))
            #expect(run.output.contains("every writer of \"50%25\" waiting until it is built%0Asafer: "))
            #expect(run.output.split(separator: "\n").count == 1)
        }
    }

    @Test func `SARIF has what version 2.1.0 requires`() async throws {
        let run = try await lint(Self.unsafe, "--format", "sarif")
        #expect(run.exitCode == 8)
        let log = try run.json
        #expect(log["version"] as? String == "2.1.0")
        #expect((log["$schema"] as? String)?.contains("sarif-2.1.0") == true)
        let sarif = try #require((log["runs"] as? [[String: Any]])?.first)
        let tool = try #require(sarif["tool"] as? [String: Any])
        let driver = try #require(tool["driver"] as? [String: Any])
        #expect(driver["name"] as? String == "migrate lint")
        let rules = try #require(driver["rules"] as? [[String: Any]])
        #expect(Set(rules.compactMap { $0["id"] as? String }).count == rules.count)
        #expect(rules.allSatisfy { ($0["shortDescription"] as? [String: String])?["text"]?.isEmpty == false })
        let result = try #require((sarif["results"] as? [[String: Any]])?.first)
        let index = try #require(result["ruleIndex"] as? Int)
        try #require(rules.indices.contains(index))
        #expect(rules[index]["id"] as? String == "index-not-concurrent")
        #expect(result["ruleId"] as? String == "index-not-concurrent")
        #expect(["none", "note", "warning", "error"].contains(result["level"] as? String))
        #expect((result["message"] as? [String: String])?["text"]?.isEmpty == false)
        let location = try #require((result["locations"] as? [[String: Any]])?.first)
        let place = try #require(location["physicalLocation"] as? [String: Any])
        #expect((place["artifactLocation"] as? [String: String])?["uri"] == Self.place)
        #expect(place["region"] as? [String: Int] == ["startLine": 2, "startColumn": 13])
        #expect(sarif["columnKind"] as? String == "unicodeCodePoints")
    }

    @Test func `the migrations of this repository are clean`() async throws {
        let root = URL(fileURLWithPath: #filePath).pathComponents.dropLast(3).joined(separator: "/").dropFirst()
        let run = try await runMigrate(["lint"], in: String(root))
        #expect(run.exitCode == 0, "\(run.output)")
        #expect(run.output.hasPrefix("no findings in "))
    }

    @Test func `a single file is looked at on its own`() async throws {
        try await withFolder { folder in
            let file = URL(fileURLWithPath: "\(folder)/a.sql")
            try Data("-- migrate: allow drop-table\nDROP TABLE t".utf8).write(to: file)
            let run = try await runMigrate(["lint", "a.sql", "--format", "json"], in: folder)
            #expect(run.exitCode == 8)
            let findings = try #require(try run.json["findings"] as? [[String: Any]])
            #expect(findings.map { $0["rule"] as? String } == ["drop-table", "invalid-silence"])
            let missing = try await runMigrate(["lint", "b.sql"], in: folder)
            #expect(missing.exitCode == 1)
            #expect(missing.errorOutput.contains("b.sql"))
        }
    }

    @Test func `a database tells what is pending, which tables are empty and how large the others are`() async throws {
        try await Project.with(Self.unsafe) { project in
            let url = project.database.connectionString
            try FileManager.default.moveItem(
                atPath: "\(project.folder)/migrations/0002_index",
                toPath: "\(project.folder)/later"
            )
            #expect(try await project.migrate("up").exitCode == 0)
            try FileManager.default.moveItem(
                atPath: "\(project.folder)/later",
                toPath: "\(project.folder)/migrations/0002_index"
            )
            let empty = try await project.migrate("lint", "--database-url", url)
            #expect(empty.exitCode == 0, "\(empty.output)")
            _ = try await project.withSession {
                try await $0.execute(script: "INSERT INTO notes SELECT n, 'text' FROM generate_series(1, 1000) AS n")
            }
            let bytes = try await project.number("SELECT pg_total_relation_size('notes')")
            let full = try await project.migrate("lint", "--database-url", url, "--format", "json")
            #expect(full.exitCode == 8)
            let findings = try #require(try full.json["findings"] as? [[String: Any]])
            #expect(findings.map { $0["rule"] as? String } == ["index-not-concurrent"])
            #expect((findings.first?["table_bytes"] as? Int).map(Int64.init) == bytes)
            let text = try await project.migrate("lint", "--database-url", url)
            #expect(text.output.contains(" until it is built (the table has "))
            #expect(try await project.migrate("up").exitCode == 0)
            let applied = try await project.migrate("lint", "--database-url", url)
            #expect(applied.exitCode == 0)
            #expect(applied.output.hasPrefix("no findings in 0 files"))
        }
    }
}
