import Foundation
import Glibc
import Postgres
import SchemaMigrations
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// The program `migrate`, killed by the system and in competition with itself.
@Suite(.serialized) struct KilledProcessTests {
    private static let rowCount = 30_000
    /// How many runs, each on a database of its own, are under way at once.
    private static let killers = 4

    @Test func `a run killed by SIGKILL at any moment ends, run again, in the same schema and rows`() async throws {
        try await Self.withLoadedDatabase { loaded in
            var expected: DatabaseState?
            var wholeRun = Duration.zero
            try await Laboratory.with(template: loaded) { laboratory in
                let clock = ContinuousClock.now
                #expect(try await Self.runMigrate(laboratory.database).isSuccess)
                wholeRun = ContinuousClock.now - clock
                expected = try await laboratory.state()
            }
            #expect(expected?.bookkeeping.contains { $0.hasSuffix("\(Self.rowCount / 20) rows") } == true)
            let rounds = FaultRun.rounds(12, full: 500)
            let (first, state) = (wholeRun, try #require(expected))
            let (unfinished, inBackfill) = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                for killer in 0..<Self.killers {
                    group.addTask {
                        let share = rounds / Self.killers
                        return try await Self.killRuns(share, killer: killer, of: loaded, lasting: first, state)
                    }
                }
                return try await group.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
            }
            #expect(unfinished > 0, "no kill hit a run that was under way")
            FaultRun.tell(
                "kill -9 of the runner at random moments, \(Self.rowCount) rows",
                "\(rounds) rounds (seed \(FaultRun.seed)): \(unfinished) hit a run under way, \(inBackfill) of these in the "
                    + "backfill; all ended, run again, in the same schema and rows"
            )
        }
    }

    @Test func `two processes at once apply each step exactly once, and both succeed`() async throws {
        try await Self.withLoadedDatabase { loaded in
            try await Laboratory.with(template: loaded) { laboratory in
                async let one = Self.runMigrate(laboratory.database)
                async let other = Self.runMigrate(laboratory.database)
                let (first, second) = try await (one, other)
                #expect(first.isSuccess)
                #expect(second.isSuccess)
                let lines: Int64 = try await laboratory.value(
                    "SELECT count(*) FROM migrate_history WHERE outcome = 'applied'"
                )
                #expect(lines == 8)
                let rows: Int64 = try await laboratory.value("SELECT sum(rows)::int8 FROM migrate_history")
                #expect(rows == Int64(Self.rowCount / 20))
            }
        }
    }

    /// Kills one run after the other; how many were under way then, and how many of these in the backfill.
    private static func killRuns(
        _ rounds: Int,
        killer: Int,
        of loaded: String,
        lasting first: Duration,
        _ expected: DatabaseState
    ) async throws -> (unfinished: Int, inBackfill: Int) {
        var random = FaultRun.random("killer \(killer)")
        var wholeRun = first
        var (unfinished, inBackfill) = (0, 0)
        for _ in 0..<rounds {
            let moment = wholeRun * Double.random(in: 0..<1, using: &random)
            try await Laboratory.with(template: loaded) { laboratory in
                _ = try await runMigrate(laboratory.database, killedAfter: moment)
                let migrator = laboratory.migrator(try ShippedMigrations.source())
                let hasMissed = try await migrator.plan(phase: .all).pending.isEmpty
                unfinished += hasMissed ? 0 : 1
                // As fast as the machine is now, so that about as many kills hit as miss.
                wholeRun = wholeRun * (hasMissed ? 0.93 : 1.05)
                if try await isInBackfill(laboratory) { inBackfill += 1 }
                _ = try await migrator.up(phase: .all)
                #expect(try await laboratory.state() == expected, "killed after \(moment)")
            }
        }
        return (unfinished, inBackfill)
    }

    /// Whether batches are committed of a backfill that is not at its end.
    private static func isInBackfill(_ laboratory: Laboratory) async throws -> Bool {
        try await laboratory.value(
            """
            SELECT EXISTS (SELECT FROM migrate_backfill AS b WHERE NOT EXISTS (
                SELECT FROM migrate_history AS h
                WHERE (h.version, h.step) = (b.version, b.step) AND h.outcome = 'applied'))
            """
        )
    }

    /// Makes a database at version 1 with VMMs in it, for others to copy.
    private static func withLoadedDatabase(_ body: (String) async throws -> Void) async throws {
        try await withDatabase { database in
            let configuration = try PostgresConfiguration(database.connectionString)
            let migrator = Laboratory.migrator(try ShippedMigrations.source(), configuration)
            _ = try await migrator.up(to: .version(try #require(MigrationVersion(1))))
            try await PostgresConnection.withConnection(to: configuration) { connection in
                _ = try await connection.execute(script: PreviousRelease.load(rowCount))
            }
            try await body(database.name)
        }
    }

    /// Runs `migrate up`, built beside this test program; returns when it has ended.
    private static func runMigrate(
        _ database: TestDatabase,
        killedAfter moment: Duration? = nil
    ) async throws -> TerminationStatus {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(filePath: tests).deletingLastPathComponent().appending(path: "migrate").path()
        let result = try await Subprocess.run(
            .path(FilePath(program)),
            arguments: [
                "up", "--phase", "all", "--batch-target", "1", "--quiet", "--migrations", ShippedMigrations.directory,
                "--database-url", database.connectionString,
            ],
            input: .none,
            output: .discarded,
            error: .discarded
        ) { execution in
            guard let moment else { return }
            try await Task.sleep(for: moment)
            kill(execution.processIdentifier.value, SIGKILL)
        }
        return result.terminationStatus
    }
}
