import Foundation
import Postgres
import Testing

/// `migrate` as a person has it: on a terminal, of several widths, resized, interrupted.
@Suite struct TerminalTests {
    private static let backfill = [
        "0001_notes/up.sql": "\(Samples.notes); INSERT INTO notes SELECT n FROM generate_series(1, 200000) n",
        "0002_a_rather_long_name_of_a_migration/01_fill_the_body.sql":
            "-- migrate: backfill table=notes\nUPDATE notes SET body = 'x' WHERE body IS NULL",
    ]

    @Test(arguments: [20, 40, 80, 132])
    func `the live line fits, and leaves nothing behind`(columns: Int) async throws {
        try await Project.with(Self.backfill) { project in
            let (terminal, code) = try await Terminal.migrate(
                ["up", "--batch-target", "1"],
                in: project,
                columns: columns
            )
            #expect(code == 0, "\(terminal.output)")
            let lines = terminal.liveLines
            #expect(lines.allSatisfy { $0.count < columns }, "\(lines.max { $0.count < $1.count } ?? "")")
            #expect(lines.contains { $0.contains("running") })
            #expect(lines.contains { $0.contains(" %") })
            if columns >= 80 {
                #expect(lines.contains { $0.contains("[#") && $0.contains("rows") && $0.contains("/s") })
            }
            let screen = terminal.screen(columns: columns).joined()
            #expect(screen.contains("applied 0001_notes/up"))
            #expect(screen.contains("applied 2 migrations (2 steps)"))
            #expect(!screen.contains("running") && !screen.contains("[#"))
        }
    }

    @Test func `a terminal that gets narrower gets a narrower line, and times go on`() async throws {
        try await Project.with(["0001_a_step_that_takes_its_time/up.sql": "SELECT pg_sleep(600)"]) { project in
            let (terminal, code) = try await Terminal.migrate(["up"], in: project, columns: 100) { terminal in
                let label = "0001_a_step_that_takes_its_time/up"
                try await terminal.wait("the step") { $0.liveLines.last == "\(label)  running" }
                try await terminal.wait("the time") { $0.liveLines.contains { $0.hasPrefix("\(label)  running  ") } }
                try terminal.resize(columns: 30)
                try await terminal.wait("a narrow line") { terminal in
                    terminal.liveLines.last.map { $0.count < 30 && $0.hasPrefix("…") && $0.contains("running  ") }
                        ?? false
                }
                try terminal.resize(columns: 100)
                try await terminal.wait("a wide line") { $0.liveLines.last?.hasPrefix(label) ?? false }
                terminal.type("\u{3}")
            }
            #expect(code == 10)
            let screen = terminal.screen(columns: 100)
            #expect(screen.contains { $0.hasSuffix("interrupted; stopping at a safe point (once more stops at once)") })
            #expect(screen.contains { $0.hasPrefix("error: interrupted in 0001_a_step_that_takes_its_time/up") })
            #expect(!screen.contains { $0.contains("  running") })
        }
    }

    @Test func `why a step waits stands in its line`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up", "--to", "1")
            try await project.withSession { session in
                try await session.withTransaction { session in
                    _ = try await session.execute(script: "LOCK TABLE notes IN ROW EXCLUSIVE MODE")
                    let (terminal, code) = try await Terminal.migrate(["up"], in: project) { terminal in
                        try await terminal.wait("the reason") {
                            $0.liveLines.contains { $0.hasPrefix("0002_title/up  gave way") }
                        }
                        terminal.type("\u{3}")
                    }
                    #expect(code == 10, "\(terminal.output)")
                }
            }
        }
    }

    @Test func `why a backfill holds back stands in its line, with how far it is`() async throws {
        try await Project.with(Self.backfill) { project in
            let condition = "SELECT count(body) > 0 FROM notes"
            let arguments = ["up", "--batch-target", "1", "--throttle-while", condition]
            let (terminal, code) = try await Terminal.migrate(arguments, in: project, columns: 100) { terminal in
                try await terminal.wait("the reason") { terminal in
                    terminal.liveLines.last?.hasSuffix(" %  the condition that was given holds") ?? false
                }
                terminal.type("\u{3}")
            }
            #expect(code == 10, "\(terminal.output)")
        }
    }

    @Test(arguments: [["NO_COLOR": "1"], ["TERM": "dumb"]])
    func `without colours no colour is written, and on a dumb terminal no line is drawn anew`(
        environment: [String: String]
    ) async throws {
        try await Project.with(Self.backfill) { project in
            let (terminal, code) = try await Terminal.migrate(["up"], in: project, environment: environment)
            #expect(code == 0)
            #expect(!terminal.output.contains("\u{1B}[3") && !terminal.output.contains("\u{1B}[0m"))
            let isDumb = environment["TERM"] == "dumb"
            #expect(terminal.output.contains("\u{1B}[K") == !isDumb)
            #expect(terminal.liveLines.isEmpty == isDumb)
        }
    }

    @Test func `on a terminal there are colours`() async throws {
        try await Project.with(Samples.two) { project in
            let (terminal, _) = try await Terminal.migrate(["up"], in: project)
            #expect(terminal.output.contains("\u{1B}[32mapplied\u{1B}[0m 0001_notes/up"))
        }
    }

    @Test func `status --watch draws one screen again and again, until Ctrl-C`() async throws {
        try await Project.with(Samples.two) { project in
            let (terminal, code) = try await Terminal.migrate(
                ["status", "--watch", "--interval", "0.1"],
                in: project,
                columns: 60
            ) { terminal in
                try await terminal.wait("the first screen") { $0.output.contains("\u{1B}[J") }
                #expect(try await project.migrate("up").exitCode == 0)
                try await terminal.wait("the change") { terminal in
                    terminal.screen(columns: 60).contains { $0 == "state    up to date" }
                }
                terminal.type("\u{3}")
            }
            #expect(code == 130)
            let screen = terminal.screen(columns: 60)
            #expect(screen.filter { $0.hasPrefix("state") }.count == 1)
            #expect(screen.allSatisfy { $0.count < 60 })
        }
    }
}
