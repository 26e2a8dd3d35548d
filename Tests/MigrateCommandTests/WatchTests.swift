import Foundation
import Postgres
import Testing

@testable import MigrateCommand
@testable import SchemaMigrations

/// `migrate status --watch`.
@Suite struct WatchTests {
    @Test func `each change is a line of JSON, and a signal ends it`() async throws {
        try await Project.with(Samples.two) { project in
            let watch = try await project.migrate("status", "--watch", "--interval", "0.1", "--format", "json") {
                process in
                try await project.eventually(
                    "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'migrate' AND datname = current_database()"
                )
                let up = try await project.migrate("up")
                #expect(up.exitCode == 0)
                // One look further: the next connection comes after the last change.
                let marks = "SELECT sum(xact_commit)::int8 FROM pg_stat_database WHERE datname = current_database()"
                let before = try await project.number(marks)
                try await project.eventually("SELECT (\(marks)) > \(before + 8)")
                kill(process, SIGINT)
            }
            #expect(watch.exitCode == nil)
            let lines = try watch.jsonLines
            let states = lines.map { ($0["status"] as? [String: Any])?["state"] as? String }
            #expect(states.first == "pending")
            #expect(states.last == "up_to_date")
            let keys: Set = ["status", "runner", "paused_by"]
            #expect(lines.allSatisfy { Set($0.keys) == keys })
        }
    }

    @Test(arguments: [["--watch", "--exit-code"], ["--interval", "3"], ["--watch", "--interval", "0"]])
    func `what makes no sense together is a usage error`(options: [String]) async throws {
        try await withFolder { folder in
            let run = try await runMigrate(["status"] + options, in: folder)
            #expect(run.exitCode == 64)
        }
    }

    @Test func `who is at work and what is asked is told`() throws {
        let runner = RunnerActivity(
            holder: "migrate[7] on a",
            processID: 12,
            activity: "0001_a/up, 3 %",
            changedAt: nil
        )
        let situation = MigrationSituation(history: MigrationHistory(), runner: runner, request: RunRequest())
        #expect(
            StatusText.activity(situation, .plain) == ["running  0001_a/up, 3 %, by migrate[7] on a, server process 12"]
        )
        let nobody = MigrationSituation(history: MigrationHistory(), runner: nil, request: RunRequest())
        #expect(StatusText.activity(nobody, .plain).isEmpty)
    }

    @Test func `a screen fits its terminal, and colours do not count`() {
        let text = "\u{1B}[32mgreen\u{1B}[0m line\nsecond\nthird"
        let screen = WatchScreen.draw(text, at: MigrationTime(microseconds: 0), size: (8, 5))
        let lines = ["1970-01", "", "\u{1B}[32mgreen\u{1B}[0m l", "second"]
        #expect(screen == "\u{1B}[H" + lines.map { "\($0)\u{1B}[K\n" }.joined() + "\u{1B}[J")
        #expect(WatchScreen.cut("\u{1B}[31mabc\u{1B}[0m", to: 1) == "\u{1B}[31ma\u{1B}[0m")
    }
}
