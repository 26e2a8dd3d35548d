import Foundation
import Subprocess
import SystemPackage

/// Four writers of the previous release, by pgbench.
struct Writers {
    /// How long they write.
    static let seconds = 20.0

    struct Report: Sendable {
        /// In milliseconds.
        let longestTurn: Double
        let turns: Int
        let errors: Int
    }

    let pgbench: String
    let database: String

    /// Runs the writers to their end and reads what each turn took from pgbench's log.
    func write() async throws -> Report {
        let folder = FileManager.default.temporaryDirectory.appending(path: "flagship-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (isSuccess, said) = try await run(in: folder)
        var turns: [Double] = []
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path()) where file.hasPrefix("turn.") {
            let log = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
            // Client, number, microseconds, …
            turns += log.split(separator: "\n").compactMap { line in
                line.split(separator: " ").dropFirst(2).first.flatMap { Double($0) }
            }
        }
        var errors = said.split(separator: "\n").count { $0.contains("ERROR") || $0.contains("aborted") }
        if !isSuccess, errors == 0 { errors = 1 }
        if errors > 0 { FileHandle.standardError.write(Data(said.utf8)) }
        return Report(longestTurn: (turns.max() ?? 0) / 1000, turns: turns.count, errors: errors)
    }

    /// By Subprocess: a child of Foundation's Process inherits a signal mask in which pgbench's alarm never arrives.
    private func run(in folder: URL) async throws -> (isSuccess: Bool, output: String) {
        let result = try await Subprocess.run(
            .path(FilePath(pgbench)),
            arguments: [
                "--no-vacuum", "--client=4", "--jobs=2", "--time=\(Int(Self.seconds))", "--protocol=prepared",
                "--file=\(Repository.writer)", "--log", "--log-prefix=\(folder.appending(path: "turn").path())",
                database,
            ],
            output: .string(limit: 1 << 20),
            error: .combinedWithOutput
        )
        return (result.terminationStatus.isSuccess, result.standardOutput)
    }
}
