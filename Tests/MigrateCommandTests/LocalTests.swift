import Foundation
import Testing

/// The private server of a directory, through the command.
@Suite struct LocalTests {
    @Test func `--local creates a server that outlives the command, until reset`() async throws {
        try await withFolder { folder in
            try FileManager.default.createDirectory(
                atPath: "\(folder)/migrations/0001_notes",
                withIntermediateDirectories: true
            )
            try Data(Samples.notes.utf8).write(to: URL(fileURLWithPath: "\(folder)/migrations/0001_notes/up.sql"))
            do {
                let up = try await runMigrate(["--local", "up"], in: folder)
                #expect(up.exitCode == 0, "\(up.errorOutput)")
                #expect(up.errorOutput.contains("created a private server"))
                let url = try await runMigrate(["local", "url"], in: folder)
                let text = url.output.trimmingCharacters(in: .newlines)
                let status = try await runMigrate(["status", "--exit-code", "--database-url", text], in: folder)
                #expect(status.exitCode == 0)
                #expect(try await runMigrate(["local", "stop"], in: folder).exitCode == 0)
                #expect(try await runMigrate(["local", "start"], in: folder).output == url.output)
            } catch {
                _ = try? await runMigrate(["local", "reset"], in: folder)
                throw error
            }
            #expect(try await runMigrate(["local", "reset"], in: folder).exitCode == 0)
            #expect(try await runMigrate(["local", "url"], in: folder).exitCode == 1)
        }
    }
}
