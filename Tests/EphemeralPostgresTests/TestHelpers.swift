import Foundation
import Glibc
import Testing

@testable import EphemeralPostgres

/// A program that ran, for comparing in expectations.
struct ProgramFailure: Error {
    let output: String
}

/// Runs one statement with `psql` and gives back what it prints, unaligned and without headers.
func query(_ connection: String, _ sql: String) async throws -> String {
    let programs = try await ServerPrograms.find()
    let outcome = try await ProgramRunner.run(
        "\(programs.directory)/psql",
        ["--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align", "--dbname", connection, "-c", sql],
        as: ServerUser(userID: geteuid(), groupID: getegid())
    )
    guard outcome.isSuccess else { throw ProgramFailure(output: outcome.output) }
    return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
}

/// Runs `body` with a new folder, which is removed afterwards.
func withScratchFolder<Result>(mode: mode_t = 0o755, _ body: (String) async throws -> Result) async throws -> Result {
    let path = try Files.createTemporaryFolder(in: "/tmp", owner: ServerUser(userID: geteuid(), groupID: getegid()))
    defer { try? FileManager.default.removeItem(atPath: path) }
    try #require(chmod(path, mode) == 0)
    return try await body(path)
}

/// Runs `body` with the description of a local server, which is removed afterwards.
func withLocalServer(
    mode: mode_t = 0o755,
    below subfolder: String = "",
    _ body: (LocalServer) async throws -> Void
) async throws {
    try await withScratchFolder(mode: mode) { folder in
        let parent = folder + subfolder
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        let server = LocalServer(directory: "\(parent)/.local-postgres")
        do {
            try await body(server)
        } catch {
            try? await server.reset()
            throw error
        }
        try await server.reset()
    }
}

/// Whether a process exists; one that has ended and was not waited for counts as gone.
func isAlive(_ processID: Int32) -> Bool {
    guard let status = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8) else { return false }
    return status.split(separator: ")").last?.split(separator: " ").first.map { $0 != "Z" } ?? false
}

/// Waits for something that comes about without anybody to wait for; the limit is far beyond what it takes.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<600 {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(100))
    }
    return false
}

/// The permissions of a file, such as 0o700.
func permissions(of path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
}
