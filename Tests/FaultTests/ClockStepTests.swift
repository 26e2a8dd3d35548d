import Foundation
import Glibc
import Postgres
import SchemaMigrations
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// The client's clock is set, forth and back by days, while `migrate` runs.
@Suite struct ClockStepTests {
    private static let library = ["x86_64", "aarch64"].map { "/usr/lib/\($0)-linux-gnu/faketime/libfaketimeMT.so.1" }
        .first { FileManager.default.fileExists(atPath: $0) }

    /// So often the clock is set before the last step of a run may end.
    private static let leastSteps = 8

    @Test(
        .enabled(if: library != nil, "needs the package libfaketime"),
        .enabled(if: !isSanitized, "beside a sanitizer libfaketime waits for itself")
    )
    func `steps of the client's clock neither end a run nor change what it does`() async throws {
        let rounds = FaultRun.rounds(2, full: 20)
        var expected: DatabaseState?
        var steps = 0
        for round in 0...rounds {
            try await Laboratory.with { laboratory in
                // The first without steps, to compare with.
                steps += try await run(laboratory, isStepping: round > 0)
                let state = try await laboratory.state()
                #expect(state == expected ?? state, "round \(round)")
                expected = state
            }
        }
        #expect(steps >= rounds * Self.leastSteps)
        FaultRun.tell(
            "steps of the client's clock by days, forth and back",
            "\(rounds) runs, \(steps) steps: all succeeded, same schema and rows"
        )
    }

    /// Runs `migrate up` to its end; how often its clock was set meanwhile.
    private func run(_ laboratory: Laboratory, isStepping: Bool) async throws -> Int {
        let folder = FileManager.default.temporaryDirectory.appending(path: "clock-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try write(to: folder)
        let clock = folder.appending(path: "clock")
        try set(clock, to: "+0")
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(filePath: tests).deletingLastPathComponent().appending(path: "migrate").path()
        let environment = environment(clock)
        try await laboratory.connection.execute(script: "CREATE TABLE go (id int)")
        if !isStepping { try await letGo(laboratory) }
        let result = try await Subprocess.run(
            .path(FilePath(program)),
            arguments: [
                "up", "--quiet", "--migrations", folder.appending(path: "migrations").path(),
                "--database-url", laboratory.database.connectionString,
            ],
            environment: environment,
            input: .none,
            output: .discarded,
            error: .string(limit: 4096)
        ) { execution in
            var count = 0
            var isDeceived = false
            while isStepping, isRunning(execution.processIdentifier.value) {
                try set(clock, to: ["+9d", "-9d", "+400d", "-1h"][count % 4])
                count += 1
                if count == Self.leastSteps { try await letGo(laboratory) }
                isDeceived = isDeceived || readsAnotherClock(execution.processIdentifier.value)
                try await Task.sleep(for: .milliseconds(30))
            }
            #expect(isDeceived == isStepping, "the program reads the real clock")
            return count
        }
        #expect(result.terminationStatus.isSuccess, "\(result.standardError)")
        // All times of the history are the server's.
        let isOff: Bool = try await laboratory.value(
            "SELECT bool_or(abs(extract(epoch FROM finished_at - started_at)) > 1800) FROM migrate_history"
        )
        #expect(!isOff)
        return result.closureResult
    }

    /// Lets the last step of a run end.
    private func letGo(_ laboratory: Laboratory) async throws {
        try await laboratory.connection.execute(script: "INSERT INTO go VALUES (1)")
    }

    /// Whether a child runs that has not been waited for yet.
    private func isRunning(_ process: pid_t) -> Bool {
        let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        // The state follows the program's name, which is in parentheses.
        return status?.split(separator: ")").last?.hasPrefix(" Z") == false
    }

    /// Whether a program has loaded the library; at first it has not.
    private func readsAnotherClock(_ process: pid_t) -> Bool {
        // Read to its end: such a file does not tell its size.
        let maps = try? FileHandle(forReadingFrom: URL(filePath: "/proc/\(process)/maps")).readToEnd()
        return maps.map { String(decoding: $0, as: UTF8.self).contains("libfaketime") } == true
    }

    /// Replaces the file in one step: the library reads it whenever the clock is asked for.
    private func set(_ clock: URL, to offset: String) throws {
        try Data("\(offset)\n".utf8).write(to: clock, options: .atomic)
    }

    /// The wall clock alone is set; no program can set the monotonic one.
    private func environment(_ clock: URL) -> Environment {
        .inherit.updating([
            "LD_PRELOAD": Self.library,
            "FAKETIME_TIMESTAMP_FILE": clock.path(),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            // Otherwise the library adds it, and moves the environment: from where that began, Swift finds the arguments.
            "FAKETIME_SHARED": "/none /none",
        ])
    }

    private func write(to folder: URL) throws {
        let files = [
            "0001_table/up.sql": "CREATE TABLE t (id int PRIMARY KEY, n int);"
                + "INSERT INTO t SELECT g, NULL FROM generate_series(1, 20000) g;",
            "0002_fill/01_fill.sql": "-- migrate: backfill table=t\nUPDATE t SET n = id WHERE n IS NULL",
            "0002_fill/02_index.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY t_n ON t (n)",
            "0003_wait/up.sql": """
            DO $$BEGIN WHILE NOT EXISTS (SELECT FROM go) LOOP PERFORM pg_sleep(0.01); END LOOP; END$$
            """,
        ]
        for (path, text) in files {
            let file = folder.appending(path: "migrations/\(path)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: file)
        }
    }
}
