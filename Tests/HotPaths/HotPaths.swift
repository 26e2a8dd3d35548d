import Dispatch
import EphemeralPostgres
import Foundation
import Postgres
import Subprocess
import SystemPackage

/// Counts the instructions of hot paths under valgrind, which no load on the machine can change, and compares them
/// with what `counts.json` says.
///
/// `hot-paths` checks and `hot-paths --record` writes the file anew. `hot-paths NAME TIMES DATABASE` walks one path so
/// many times: the difference of two such runs, divided by the difference of their times, is the path alone.
@main
struct HotPaths {
    /// How far a count may be from the recorded one.
    static let tolerance = 0.03
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "counts.json")

    /// Not asynchronous: what the main thread would then wait in, `sigsuspend(2)`, brings valgrind 3.19 down.
    static func main() {
        Task.detached {
            do {
                try await run()
            } catch {
                FileHandle.standardError.write(Data("hot-paths: \(error)\n".utf8))
                exit(1)
            }
            exit(0)
        }
        // Under valgrind; starting it needs the main queue.
        if CommandLine.arguments.count == 4 { DispatchSemaphore(value: 0).wait() }
        dispatchMain()
    }

    private static func run() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        switch (arguments.count, arguments.first) {
        case (0, _): if try await !check() { exit(1) }
        case (1, "--record"): try await record()
        case (3, _):
            let (name, times, database) = (CommandLine.arguments[1], CommandLine.arguments[2], CommandLine.arguments[3])
            guard let path = HotPath(rawValue: name), let times = Int(times) else { usage() }
            try await path.walk(times, try PostgresConfiguration(database))
        default: usage()
        }
    }

    private static func usage() -> Never {
        FileHandle.standardError.write(Data("usage: hot-paths [--record | NAME TIMES DATABASE]\n".utf8))
        exit(64)
    }

    /// Prints each path's count beside the recorded one; false when one differs by more than the tolerance.
    private static func check() async throws -> Bool {
        let recorded = try JSONDecoder().decode([String: Int].self, from: Data(contentsOf: file))
        var isGood = true
        for (path, count) in try await measure() {
            let expected = recorded[path.rawValue] ?? 0
            let change = Double(count - expected) / Double(max(1, expected))
            let isClose = abs(change) <= tolerance
            let percent = String(format: "%+.1f %%", change * 100)
            print(
                "\(path.rawValue): \(count) instructions, recorded \(expected) (\(percent))\(isClose ? "" : ": DIFFERS")"
            )
            isGood = isGood && isClose
        }
        if !isGood {
            print("hot-paths: found and removed work is recorded by hot-paths --record; added work is a defect")
        }
        return isGood
    }

    private static func record() async throws {
        let counts = Dictionary(uniqueKeysWithValues: try await measure().map { ($0.rawValue, $1) })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        try (encoder.encode(counts) + Data("\n".utf8)).write(to: file)
        print(counts)
    }

    /// The instructions of one walk of each path.
    private static func measure() async throws -> [(HotPath, Int)] {
        let program = try await stripped()
        defer { try? FileManager.default.removeItem(atPath: program) }
        return try await EphemeralServer.withServer { server in
            let database = server.connectionString(database: "postgres")
            try await HotPath.prepare(try PostgresConfiguration(database))
            var counts: [(HotPath, Int)] = []
            for path in HotPath.allCases {
                let few = try await instructions(program, path, 1000, database)
                let many = try await instructions(program, path, 3000, database)
                counts.append((path, (many - few) / 2000))
            }
            return counts
        }
    }

    /// A copy of this program without debugging information, which valgrind 3.19 cannot read.
    private static func stripped() async throws -> String {
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let copy = FileManager.default.temporaryDirectory.appending(path: "hot-paths-\(UUID().uuidString)").path()
        let result = try await Subprocess.run(
            .name("strip"),
            arguments: ["--strip-debug", "-o", copy, program],
            output: .discarded,
            error: .string(limit: 1 << 16)
        )
        guard result.terminationStatus.isSuccess else {
            throw Failure(description: "strip failed: \(result.standardError)")
        }
        return copy
    }

    /// What valgrind counts for a whole process.
    private static func instructions(
        _ program: String,
        _ path: HotPath,
        _ times: Int,
        _ database: String
    ) async throws -> Int {
        let result = try await Subprocess.run(
            .name("valgrind"),
            arguments: [
                "--tool=callgrind", "--callgrind-out-file=/dev/null", program, path.rawValue, "\(times)", database,
            ],
            output: .discarded,
            error: .string(limit: 1 << 20)
        )
        // "==123== Collected : 456789"
        let line = result.standardError.split(separator: "\n").first { $0.contains("Collected") }
        guard result.terminationStatus.isSuccess, let count = line?.split(separator: " ").last.flatMap({ Int($0) })
        else {
            throw Failure(description: "valgrind failed: \(result.standardError.suffix(6000))")
        }
        return count
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }
}
