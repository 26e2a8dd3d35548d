import Glibc
import Postgres
import SchemaMigrations

/// `status --watch`: on a terminal one screen that is drawn anew, elsewhere each change as it comes.
struct StatusWatch {
    let migrator: Migrator
    let console: Console
    let isJSON: Bool

    /// Goes on until a signal ends the process, or nobody reads any more.
    ///
    /// - Throws: what the first question meets; later ones are asked again, as servers restart.
    func run(every interval: Duration) async throws {
        // `status --watch | head` has to end.
        _ = signal(SIGPIPE, SIG_DFL)
        var last: Shown?
        while true {
            let shown = try await look(isFirst: last == nil)
            if StandardStream.output.isTerminal, !isJSON {
                StandardStream.output.write(WatchScreen.draw(shown.text, at: .now, size: StandardStream.output.size))
            } else if shown != last {
                console.result(isJSON ? shown.text : "\(WatchScreen.head(.now))\n\(shown.text)\n")
            }
            last = shown
            try await Task.sleep(for: interval)
        }
    }

    private struct Shown: Equatable {
        let text: String
    }

    private func look(isFirst: Bool) async throws -> Shown {
        do {
            return Shown(text: try render(try await migrator.situation()))
        } catch let error as MigrationError {
            guard !isFirst else { throw error }
            return Shown(
                text: isJSON ? try JSONOutput.line(WatchError(error)) : "cannot ask, trying again: \(error.message)"
            )
        }
    }

    private func render(_ situation: MigrationSituation) throws -> String {
        let status = MigrationStatus(
            source: migrator.source,
            history: situation.history,
            services: situation.services
        )
        if isJSON { return try JSONOutput.line(WatchLine(status, situation)) }
        let findings = try MigrationPlan.make(source: migrator.source, history: situation.history).findings
        let text = StatusText.render(status, findings: findings, console.resultStyle)
        return (StatusText.activity(situation, console.resultStyle) + [text]).joined(separator: "\n")
    }
}

/// One change as `status --watch --format json` has it.
struct WatchLine: Encodable {
    let status: MigrationStatus
    @OrNull var runner: Runner?
    @OrNull var pausedBy: String?

    struct Runner: Encodable, Sendable, Equatable {
        let holder: String
        @OrNull var processID: Int32?
        @OrNull var activity: String?
    }

    init(_ status: MigrationStatus, _ situation: MigrationSituation) {
        self.status = status
        _runner = OrNull(
            wrappedValue: situation.runner.map {
                Runner(holder: $0.holder, processID: $0.processID, activity: $0.activity)
            }
        )
        let isPaused = situation.request.pausedAt != nil
        _pausedBy = OrNull(wrappedValue: isPaused ? situation.request.pausedBy ?? "somebody" : nil)
    }
}

/// A question that was not answered.
struct WatchError: Encodable {
    let error: ErrorReport

    init(_ error: MigrationError) {
        self.error = ErrorReport(error)
    }
}

/// A screen that is drawn over the last one, without flicker: nothing is erased before it is written again.
enum WatchScreen {
    static func draw(_ text: String, at time: MigrationTime, size: (columns: Int, rows: Int)) -> String {
        let lines = [head(time), ""] + text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let shown = lines.prefix(max(1, size.rows - 1)).map { cut($0, to: max(1, size.columns - 1)) }
        return "\u{1B}[H" + shown.map { "\($0)\u{1B}[K\n" }.joined() + "\u{1B}[J"
    }

    static func head(_ time: MigrationTime) -> String {
        "\(HistoryText.moment(time)) UTC"
    }

    /// Cuts a line to so many characters; what sets colours has no width, and the colour ends with the line.
    static func cut(_ line: String, to columns: Int) -> String {
        var shown = ""
        var width = 0
        var isEscape = false
        for character in line {
            if character == "\u{1B}" { isEscape = true }
            if isEscape {
                shown.append(character)
                if character.isLetter { isEscape = false }
                continue
            }
            guard width < columns else { continue }
            shown.append(character)
            width += 1
        }
        return shown
    }
}
