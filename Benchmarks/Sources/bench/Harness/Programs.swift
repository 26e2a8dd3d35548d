import Foundation
import Subprocess
import SystemPackage

/// Programs outside this process.
enum Programs {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs a program to its end and returns what it printed.
    ///
    /// By Subprocess: a child of Foundation's Process inherits a signal mask in which pgbench's alarm never arrives.
    static func run(
        _ path: String,
        _ arguments: [String],
        environment: [String: String] = [:]
    ) async throws -> String {
        var updates: [Subprocess.Environment.Key: String?] = [:]
        for (key, value) in environment { updates[.init(stringLiteral: key)] = value }
        let result = try await Subprocess.run(
            .path(FilePath(path)),
            arguments: Arguments(arguments),
            environment: .inherit.updating(updates),
            output: .string(limit: 64 << 20),
            error: .string(limit: 1 << 20)
        )
        guard result.terminationStatus.isSuccess else {
            let said = (result.standardOutput + result.standardError).suffix(2000)
            throw Failure(description: "\(path) failed (\(result.terminationStatus)): \(said)")
        }
        return result.standardOutput
    }

    /// This program.
    static let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""

    /// The program in C, which stands beside this one.
    static let baseline = URL(filePath: own).deletingLastPathComponent().appending(path: "libpq-baseline").path()

    /// The product of the package, as people install it.
    static let migrate = Repository.path(".build/release/migrate")

    /// What scripts/bench has installed from PyPI.
    static func venv(_ name: String) -> String { Repository.path("Benchmarks/.build/venv/bin/\(name)") }

    /// A turn of the program in C: nanoseconds for each piece of work, and pieces in a second.
    static func baselineTurn(
        _ name: String,
        _ database: String,
        _ sql: String,
        _ numbers: Int64...
    ) async throws -> Turn {
        let output = try await run(baseline, [name, database, sql] + numbers.map(String.init))
        let values = output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard values.count == 5, values[4] > 0 else { throw Failure(description: "libpq-baseline said: \(output)") }
        return [
            .time: values[2], .p99: values[3], .cpu: values[1] / values[4], .rate: values[4] / values[0] * 1e9,
        ]
    }
}

/// Files of the package beside this one.
enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../..")
        .standardizedFileURL

    static func path(_ name: String) -> String { root.appending(path: name).path(percentEncoded: false) }

    /// The script that loads 100,000 VMMs of the previous release, one in 20 failed, for others of them.
    static func loadScript(rows: ClosedRange<Int>, failedOneIn: Int) throws -> String {
        let script = try String(contentsOfFile: path("scripts/sql/previous-release-load.sql"), encoding: .utf8)
        let changes = [
            ("generate_series(1, 100000)", "generate_series(\(rows.lowerBound), \(rows.upperBound))"),
            ("n % 20 = 0", "n % \(failedOneIn) = 0"),
        ]
        return try changes.reduce(script) { text, change in
            // Otherwise another load would be measured than the one that is told.
            guard text.contains(change.0) else {
                throw Programs.Failure(description: "the load script has no \(change.0) any more")
            }
            return text.replacing(change.0, with: change.1)
        }
    }
}
