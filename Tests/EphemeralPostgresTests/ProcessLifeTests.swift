import Foundation
import Glibc
import Subprocess
import SystemPackage
import Testing

@testable import EphemeralPostgres

/// What becomes of a server when the process that started it ends.
///
/// The other process is this test program again, with one of the tests below marked *in another process*.
@Suite struct ProcessLifeTests {
    private static let task = "VMM_STORE_TEST_OTHER_PROCESS"

    @Test func `an ephemeral server does not outlive a process killed by SIGKILL`() async throws {
        try await withScratchFolder { folder in
            let note = "\(folder)/note"
            try await Self.runOtherProcess("ephemeral:\(note)") { process in
                #expect(try await eventually { FileManager.default.fileExists(atPath: note) })
                let lines = try String(contentsOfFile: note, encoding: .utf8).split(separator: "\n").map(String.init)
                let postmaster = try #require(lines.first.flatMap { Int32($0) })
                let data = try #require(lines.last)
                #expect(isAlive(postmaster))
                #expect(FileStatus(path: data) != nil)
                #expect(kill(process, SIGKILL) == 0)
                #expect(try await eventually { !isAlive(postmaster) && FileStatus(path: data) == nil })
            }
        }
    }

    @Test func `a local server outlives the process that started it`() async throws {
        try await withLocalServer { server in
            #expect(try await Self.runOtherProcess("local:\(server.directory)"))
            guard case .running = try server.status() else {
                Issue.record("not running")
                return
            }
            let url = try #require(try server.url())
            #expect(try await query(url, "SELECT 1") == "1")
        }
    }

    @Test func `two processes that start a local server at once both succeed, and have the same server`() async throws {
        try await withLocalServer { server in
            async let first = Self.runOtherProcess("local:\(server.directory)")
            async let second = Self.runOtherProcess("local:\(server.directory)")
            let results = try await [first, second]
            #expect(results == [true, true])
            #expect(try await server.start().outcome == .alreadyRunning)
        }
    }

    @Test(.enabled(if: environment("ephemeral") != nil))
    func `in another process: hold an ephemeral server`() async throws {
        let note = try #require(Self.environment("ephemeral"))
        try await EphemeralServer.withServer { server in
            let processID = try #require(server.processID)
            try Data("\(processID)\n\(server.dataDirectory)".utf8)
                .write(to: URL(fileURLWithPath: note), options: .atomic)
            try await Task.sleep(for: .seconds(600))
        }
    }

    @Test(.enabled(if: environment("local") != nil))
    func `in another process: start a local server`() async throws {
        let directory = try #require(Self.environment("local"))
        _ = try await LocalServer(directory: directory).start()
    }

    private static func environment(_ kind: String) -> String? {
        guard let value = ProcessInfo.processInfo.environment[task], value.hasPrefix("\(kind):") else { return nil }
        return String(value.dropFirst(kind.count + 1))
    }

    /// Runs this program again for one of the tests above; returns, when it has ended, whether all was well.
    @discardableResult
    private static func runOtherProcess(
        _ value: String,
        _ body: (Int32) async throws -> Void = { _ in }
    ) async throws -> Bool {
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let key = try #require(Environment.Key(rawValue: task))
        let result = try await Subprocess.run(
            .path(FilePath(program)),
            arguments: ["--testing-library", "swift-testing", "--filter", "in another process"],
            environment: .inherit.updating([key: value]),
            input: .none,
            output: .discarded,
            error: .discarded
        ) { execution in
            try await body(execution.processIdentifier.value)
        }
        return result.terminationStatus.isSuccess
    }
}
