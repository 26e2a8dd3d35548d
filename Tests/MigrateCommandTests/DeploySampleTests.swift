import Foundation
import Testing

@testable import MigrateCommand

/// The command lines in docs/deploy are ones that the program takes.
@Suite struct DeploySampleTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func `the unit's command line is taken`() throws {
        let text = try String(contentsOf: Self.root.appending(path: "docs/deploy/migrate.service"), encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("ExecStart=") })
        let words = line.dropFirst("ExecStart=".count).split(separator: " ").map(String.init)
        #expect(words.first == "/usr/local/bin/migrate")
        #expect(try MigrateProgram.command(for: Array(words.dropFirst())) is UpCommand)
    }

    @Test func `the Job's arguments are taken`() throws {
        let text = try String(contentsOf: Self.root.appending(path: "docs/deploy/migrate-job.yaml"), encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.contains(" args: [") })
        let list = try #require(line.split(separator: ":", maxSplits: 1).last)
        let words = try JSONDecoder().decode([String].self, from: Data(list.utf8))
        #expect(try MigrateProgram.command(for: words) is UpCommand)
    }
}
