import Foundation
import Subprocess
import SystemPackage
import Testing

@testable import MigrateCommand
@testable import SchemaMigrations

/// The page of `history --html`, without a server.
@Suite struct HistoryPageTests {
    @Test func `the page is well-formed, and shows names and errors as they are`() throws {
        let nasty = "</style><script>alert(\"1\" & '2')</script>\u{1B}[31m"
        let log = try Self.log(error: "ERROR: \(nasty)\nsecond line", runner: nasty, database: nasty)
        let page = try ParsedPage(HistoryPage.render(log, log.runs))
        let shown = nasty.replacing("\u{1B}", with: "\u{B7}")
        #expect(page.texts(of: "title") == ["Migrations of \(shown)"])
        #expect(page.texts(of: "td", with: ("colspan", "8")).contains("ERROR: \(shown)\nsecond line"))
        #expect(page.texts(of: "p").contains { $0.contains(shown) })
    }

    @Test func `every step of every run is there, the newest run first`() throws {
        let log = try Self.log()
        let page = try ParsedPage(HistoryPage.render(log, log.runs))
        #expect(page.texts(of: "h2") == ["Run 7", "Run 3"])
        let steps = ["5_more/up", "2_fill/01_a", "2_fill/02_b", "2_fill/03_c"]
        #expect(page.texts(of: "th", with: ("scope", "row")) == steps)
        #expect(page.texts(of: "td", with: ("data-label", "outcome")) == ["abandoned", "applied", "applied", "failed"])
        #expect(page.texts(of: "td", with: ("data-label", "lock held")) == ["–", "250 ms", "–", "–"])
        #expect(page.texts(of: "td", with: ("data-label", "others waited")) == ["–", "500 ms", "–", "–"])
        #expect(page.texts(of: "td", with: ("data-label", "rows")) == ["–", "–", "1,234,567", "–"])
    }

    @Test func `it needs nothing from anywhere else, and runs nothing`() throws {
        let log = try Self.log()
        let text = HistoryPage.render(log, log.runs)
        let page = try ParsedPage(text)
        let barred: Set = ["script", "link", "img", "iframe", "object", "embed", "video", "audio", "base", "form"]
        #expect(page.elements.allSatisfy { !barred.contains($0.name) })
        let attributes = Set(page.elements.flatMap(\.attributes.keys))
        #expect(attributes.isDisjoint(with: ["src", "href", "srcset", "background", "action"]))
        #expect(attributes.allSatisfy { !$0.hasPrefix("on") })
        let style = try #require(page.texts(of: "style").first)
        #expect(!style.contains("url(") && !style.contains("@import"))
        #expect(text.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""))
    }

    @Test func `bars lie where the attempts lay in their run`() throws {
        let log = try Self.log()
        let page = try ParsedPage(HistoryPage.render(log, log.runs))
        let bars = page.elements.filter { $0.attributes["class"]?.hasPrefix("bar ") ?? false }
        #expect(
            bars.map { $0.attributes["style"] } == [
                // Its end is not known, and its run has no other: the whole line.
                "margin-left:0.00%;width:100.00%",
                "margin-left:0.00%;width:25.00%", "margin-left:25.00%;width:50.00%", "margin-left:75.00%;width:25.00%",
            ]
        )
        let locks = page.elements.filter { $0.name == "span" && $0.attributes["class"] == "lock" }
        #expect(locks.map { $0.attributes["style"] } == ["width:25.00%"])
    }

    @Test func `pauses and progress are told, and lie within their bar`() throws {
        var attempt = try Self.attempt(1, 1, "up", 0, 4_000_000, .applied)
        attempt.trace.add(AttemptTrace.Pause(atMS: 1000, durationMS: 2000, count: 3, reason: "replica lag <4 s>"))
        attempt.trace.add(AttemptTrace.Point(atMS: 9000, rows: 10, batches: 2))
        let log = MigrationLog(database: "d", readAt: MigrationTime(microseconds: 0), attempts: [attempt])
        let page = try ParsedPage(HistoryPage.render(log, log.runs))
        let marks = page.elements.filter { ["pause", "tick"].contains($0.attributes["class"]) }
        #expect(marks.map { $0.attributes["style"] } == ["left:25.00%;width:50.00%", "left:100.00%"])
        let said = "held back 3 times, 2 s after 1 s: replica lag <4 s>\n2 batches committed"
        #expect(page.texts(of: "td", with: ("colspan", "8")) == [said])
        #expect(HistoryText.render(log, log.runs, .plain).contains("    held back 3 times, 2 s after 1 s: replica"))
        let json = try JSONOutput.object(HistoryReport(log, log.runs))
        #expect(json.contains("\"at_ms\":1000") || json.contains("\"at_ms\" : 1000"))
    }

    @Test func `times that make no sense make no bar outside its line`() throws {
        let wild = try [Int64.min, -1, 0, 1, Int64.max].map { try Self.attempt(1, 1, "up", $0, 5, .applied) }
        let scale = TimelineScale(wild, now: MigrationTime(microseconds: 0))
        for attempt in wild {
            let (start, length) = scale.place(of: attempt)
            let numbers = try [start, length].map { try #require(Double($0)) }
            #expect(numbers.allSatisfy { (0...100).contains($0) })
        }
    }

    /// Where there is Debian's chromium, the page is laid out for real: nothing may stick out sideways.
    @Test(.enabled(if: chromium != nil), arguments: [320, 390, 768, 1280])
    func `nothing sticks out of a window`(width: Int) async throws {
        let name = String(repeating: "a_very_long_name_", count: 12)
        let log = try Self.log(error: String(repeating: "x", count: 400), runner: name, database: name)
        let page = HistoryPage.render(log, log.runs)
            .replacing("default-src 'none'; style-src 'unsafe-inline'", with: "default-src 'unsafe-inline'")
            .replacing(
                "</body>",
                with: "<script>document.title = document.documentElement.scrollWidth + '/' + innerWidth</script></body>"
            )
        let title = try await withFolder { folder in
            try Data(page.utf8).write(to: URL(fileURLWithPath: "\(folder)/page.html"))
            let dom = try await Self.dump("\(folder)/page.html", width: width, folder)
            return try #require(dom.firstMatch(of: /<title>([0-9]+)\/([0-9]+)<\/title>/))
        }
        let inner = try #require(Int(title.2))
        #expect(inner >= width)
        #expect(try #require(Int(title.1)) <= inner)
    }

    private static let chromium: String? = {
        FileManager.default.isExecutableFile(atPath: "/usr/bin/chromium") ? "/usr/bin/chromium" : nil
    }()

    private static func dump(_ path: String, width: Int, _ folder: String) async throws -> String {
        let result = try await Subprocess.run(
            .path(FilePath(try #require(chromium))),
            arguments: [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(folder)/profile",
                "--window-size=\(width),900", "--dump-dom", "file://\(path)",
            ],
            output: .string(limit: 1 << 20),
            error: .discarded
        )
        return result.standardOutput
    }

    private static func log(
        error: String = "ERROR: no",
        runner: String = "migrate[1] on host",
        database: String = "shop"
    ) throws -> MigrationLog {
        let attempts = [
            try attempt(3, 1, "01_a", 0, 1_000_000, .applied, lockHeldMS: 250, runner: runner),
            try attempt(3, 2, "02_b", 1_000_000, 3_000_000, .applied, rows: 1_234_567, runner: runner),
            try attempt(3, 3, "03_c", 3_000_000, 4_000_000, .failed, error: error, runner: runner),
            try attempt(7, 1, "up", 9_000_000, nil, .abandoned, runner: runner, version: 5, name: "more"),
        ]
        let now = MigrationTime(microseconds: 20_000_000)
        return MigrationLog(database: database, readAt: now, attempts: attempts)
    }

    private static func attempt(
        _ run: Int64,
        _ ordinal: Int,
        _ step: String,
        _ start: Int64,
        _ end: Int64?,
        _ outcome: MigrationAttempt.Outcome,
        lockHeldMS: Double? = nil,
        rows: Int64? = nil,
        error: String? = nil,
        runner: String = "migrate[1] on host",
        version: Int64 = 2,
        name: String = "fill"
    ) throws -> MigrationAttempt {
        MigrationAttempt(
            run: run,
            version: try #require(MigrationVersion(version)),
            migrationName: name,
            stepOrdinal: ordinal,
            stepName: step,
            kind: .transaction,
            runner: runner,
            role: "deploy",
            startedAt: MigrationTime(microseconds: start),
            finishedAt: end.map(MigrationTime.init(microseconds:)),
            durationMS: end.map { ($0.subtractingReportingOverflow(start).0) / 1000 },
            tries: 1,
            lockHeldMS: lockHeldMS,
            othersBlockedMS: lockHeldMS.map { 2 * $0 },
            rows: rows,
            outcome: outcome,
            errorCode: error == nil ? nil : "sql_failed",
            sqlState: nil,
            error: error
        )
    }
}
