import Testing

@testable import MigrateCommand
@testable import SchemaMigrations

/// What is shown, without a server.
@Suite struct RenderingTests {
    private static let label = "0002_vmm_failure_reason/04_backfill"

    @Test(arguments: [1, 2, 10, 20, 40, 60, 79, 80, 81, 120, 200], [0.0, 0.455, 1.0])
    func `the live line is always narrower than the terminal`(columns: Int, fraction: Double) {
        let progress = Self.progress(fraction)
        for left in [nil, Duration.seconds(75)] {
            let line = LiveLine.render(Self.label, progress, timeLeft: left, columns: columns)
            #expect(line.count <= max(1, columns - 1))
        }
        let reason = "the replica vmm-2 is 12 s behind"
        let lines = [
            LiveLine.render(Self.label, elapsed: .seconds(fraction * 5000), columns: columns),
            LiveLine.render(Self.label, elapsed: .zero, reason: reason, columns: columns),
            LiveLine.render(Self.label, progress, reason: reason, columns: columns),
        ]
        #expect(lines.allSatisfy { $0.count <= max(1, columns - 1) })
    }

    @Test func `a line that waits tells how far it is and why`() {
        let reason = "the replica vmm-2 is 12 s behind"
        let wide = LiveLine.render(Self.label, Self.progress(0.455), reason: reason, columns: 80)
        #expect(wide == "0002_vmm_failure_reason/04_backfill  45 %  the replica vmm-2 is 12 s behind")
        let narrow = LiveLine.render(Self.label, Self.progress(0.455), reason: reason, columns: 40)
        #expect(narrow == "\u{2026}n/04_backfill  45 %  the replica vmm-\u{2026}")
        #expect(LiveLine.render("a/up", elapsed: .milliseconds(999), columns: 80) == "a/up  running")
        #expect(LiveLine.render("a/up", elapsed: .milliseconds(61_900), columns: 80) == "a/up  running  1 min 1 s")
    }

    @Test func `at 40 columns the live line has the share and the rows`() {
        let line = LiveLine.render(Self.label, Self.progress(0.455), timeLeft: .seconds(75), columns: 40)
        #expect(line == "…ason/04_backfill  45 %  1,234,567 rows")
    }

    @Test func `at 80 columns the live line has bar, share, rows, rate and time left`() {
        let line = LiveLine.render(Self.label, Self.progress(0.455), timeLeft: .seconds(75), columns: 80)
        #expect(line == "…on/04_backfill  [####......]  45 %  1,234,567 rows  100,000/s  1 min 15 s left")
    }

    @Test func `at 200 columns nothing is left out`() {
        let line = LiveLine.render(Self.label, Self.progress(0.5), timeLeft: .seconds(75), columns: 200)
        let bar = "[" + String(repeating: "#", count: 15) + String(repeating: ".", count: 15) + "]"
        #expect(line == "\(Self.label)  \(bar)  50 %  1,234,567 rows  100,000/s  1 min 15 s left")
    }

    @Test(arguments: [
        (0.04, "0 ms"), (0.44, "0.4 ms"), (9.94, "9.9 ms"), (12.4, "12 ms"), (999.4, "999 ms"), (999.6, "1 s"),
        (1250, "1.3 s"), (59_949, "59.9 s"), (59_960, "1 min 0 s"), (192_000, "3 min 12 s"), (7_500_000, "2 h 5 min"),
    ])
    func `durations are rounded for people`(milliseconds: Double, text: String) {
        #expect(Quantity.duration(milliseconds: milliseconds) == text)
    }

    @Test(arguments: [
        (0, "0 bytes"), (1023, "1023 bytes"), (8192, "8 kB"), (1_572_864, "1.5 MB"), (Int64.max, "8388608 TB"),
    ])
    func `sizes are in powers of 1024`(bytes: Int64, text: String) {
        #expect(Quantity.bytes(bytes) == text)
    }

    @Test(arguments: [
        (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (Int64.min, "-9,223,372,036,854,775,808"),
    ])
    func `counts are grouped by thousands`(number: Int64, text: String) {
        #expect(Quantity.count(number) == text)
    }

    @Test func `colours are written only where they are wanted`() {
        #expect(TextStyle.plain.paint("x", .red) == "x")
        #expect(TextStyle(isColored: true).paint("x", .red) == "\u{1B}[31mx\u{1B}[0m")
        let wanted = Console(isQuiet: false, isVerbose: false, allowsColor: true, environment: ["NO_COLOR": "1"])
        #expect(!wanted.resultStyle.isColored && !wanted.messageStyle.isColored)
    }

    @Test func `long SQL is shortened in lines and columns`() {
        let sql = (1...9).map { "line \($0)" }.joined(separator: "\n")
        let shown = PlanText.shortened(sql, lines: 2, columns: 4)
        #expect(shown == ["     lin…", "     lin…", "     … (7 more lines)"])
    }

    @Test func `what lies behind a contract migration is named with it`() throws {
        let source = try MigrationSource(files: [
            "0001_a/up.sql": "-- migrate: phase=contract\nSELECT 1", "0002_b/up.sql": "SELECT 2",
        ])
        let lines = RunText.heldBack(source.migrations, .plain)
        #expect(lines[0].hasPrefix("held back: 0001_a"))
        #expect(lines[1] == "held back behind it: 0002_b")
        #expect(lines[2].hasSuffix("migrate up --phase all"))
        #expect(RunText.heldBack([], .plain).isEmpty)
    }

    private static func progress(_ fraction: Double) -> BackfillProgress {
        BackfillProgress(
            pagesDone: Int64(fraction * 1000),
            pagesTotal: 1000,
            rows: 1_234_567,
            batches: 12,
            rowsPerSecond: 100_000
        )
    }
}
