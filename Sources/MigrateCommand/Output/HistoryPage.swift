import SchemaMigrations

/// `history --html`: one page that needs nothing from anywhere else, no script among it.
///
/// It is XML too, so that tools can read it. A bar's place and length are the attempt's within its run; the darker end
/// of a bar is as long as the locks were held, which are given back when the step ends.
enum HistoryPage {
    static func render(_ log: MigrationLog, _ runs: [MigrationLog.Run]) -> String {
        let title = "Migrations of \(log.database)"
        return """
            <!DOCTYPE html>
            <html lang="en" xmlns="http://www.w3.org/1999/xhtml">
            <head>
            <meta charset="utf-8"/>
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>\(Markup.text(title))</title>
            <style>
            \(HistoryPageStyle.text)
            </style>
            </head>
            <body>
            <header>
            <h1>\(Markup.text(title))</h1>
            <p>\(Markup.text(summary(log, runs)))</p>
            \(legend)
            </header>
            <main>
            \(runs.reversed().map { run($0, log) }.joined(separator: "\n"))
            </main>
            </body>
            </html>

            """
    }

    private static func summary(_ log: MigrationLog, _ runs: [MigrationLog.Run]) -> String {
        let attempts = runs.flatMap(\.attempts)
        var facts = [Quantity.many(runs.count, "run"), Quantity.many(attempts.count, "attempt")]
        let failed = attempts.count { $0.outcome == .failed || $0.outcome == .abandoned }
        if failed > 0 { facts.append("\(failed) of them failed") }
        if let held = attempts.compactMap(\.lockHeldMS).max() {
            facts.append("longest lock held \(Quantity.duration(milliseconds: held))")
        }
        var text = facts.joined(separator: ", ") + "; as of \(HistoryText.moment(log.readAt)) UTC."
        if log.stepsWithoutAttempt > 0 { text += " \(HistoryText.withoutAttempt(log.stepsWithoutAttempt))." }
        return text
    }

    private static let legend = """
        <ul class="legend">
        <li><span class="key applied"></span> applied</li>
        <li><span class="key running"></span> running</li>
        <li><span class="key interrupted"></span> interrupted</li>
        <li><span class="key failed"></span> failed</li>
        <li><span class="key abandoned"></span> abandoned, end unknown</li>
        <li><span class="key lock"></span> locks held that keep writers waiting</li>
        <li><span class="key pause"></span> held back for others</li>
        </ul>
        """

    private static func run(_ run: MigrationLog.Run, _ log: MigrationLog) -> String {
        guard let first = run.attempts.first else { return "" }
        let scale = TimelineScale(run.attempts, now: log.readAt)
        let rows = run.attempts.map { row($0, scale, log) }.joined(separator: "\n")
        let took = Quantity.duration(milliseconds: scale.milliseconds)
        return """
            <section id="run-\(run.number)">
            <h2>Run \(run.number)</h2>
            <p>\(Markup.text("\(HistoryText.moment(first.startedAt)) UTC, \(took), \(first.runner), role \(first.role)"))</p>
            <table>
            <thead><tr><th>step</th><th class="line">0 to \(Markup.text(took))</th><th>outcome</th><th>took</th>\
            <th>lock held</th><th>others waited</th><th>tries</th><th>rows</th></tr></thead>
            <tbody>
            \(rows)
            </tbody>
            </table>
            </section>
            """
    }

    private static func row(_ attempt: MigrationAttempt, _ scale: TimelineScale, _ log: MigrationLog) -> String {
        let facts: [(name: String, value: String?)] = [
            ("outcome", attempt.outcome.rawValue),
            ("took", attempt.durationMS.map { Quantity.duration(milliseconds: Double($0)) }),
            ("lock held", attempt.lockHeldMS.map { Quantity.duration(milliseconds: $0) }),
            ("others waited", attempt.othersBlockedMS.map { Quantity.duration(milliseconds: $0) }),
            ("tries", attempt.tries.map(String.init)),
            ("rows", attempt.rows.map(Quantity.count)),
        ]
        let cells = facts.map { name, value in
            let kind = value == nil ? " class=\"none\"" : ""
            return "<td data-label=\"\(name)\"\(kind)>\(Markup.text(value ?? "\u{2013}"))</td>"
        }
        let outcome = attempt.outcome.rawValue
        var text =
            "<tr class=\"\(outcome)\"><th scope=\"row\">\(Markup.text(HistoryText.label(attempt)))</th>"
            + "<td class=\"line\">\(bar(attempt, scale))</td>\(cells.joined())</tr>"
        let remarks = [attempt.error] + HistoryText.happenings(attempt) + [HistoryText.progress(attempt, log)]
        let said = remarks.compactMap(\.self)
        if !said.isEmpty {
            text += "\n<tr class=\"remark\"><td colspan=\"8\">\(Markup.text(said.joined(separator: "\n")))</td></tr>"
        }
        return text
    }

    private static func bar(_ attempt: MigrationAttempt, _ scale: TimelineScale) -> String {
        let (start, length) = scale.place(of: attempt)
        let style = "margin-left:\(start)%;width:\(length)%"
        let share = scale.lockShare(of: attempt)
        let lock = share.map { "<span class=\"lock\" style=\"width:\($0)%\"></span>" } ?? ""
        return "<div class=\"bar \(attempt.outcome.rawValue)\" style=\"\(style)\">\(marks(attempt, scale))\(lock)</div>"
    }

    /// Pauses as lighter parts of the bar, and the moments at which a backfill's progress is known as ticks.
    private static func marks(_ attempt: MigrationAttempt, _ scale: TimelineScale) -> String {
        let pauses = attempt.trace.pauses.compactMap { pause in
            scale.part(of: attempt, from: pause.atMS, for: pause.durationMS).map { start, length in
                "<span class=\"pause\" style=\"left:\(start)%;width:\(length)%\"></span>"
            }
        }
        let ticks = attempt.trace.points.compactMap { point in
            scale.part(of: attempt, from: point.atMS, for: 0).map { start, _ in
                "<span class=\"tick\" style=\"left:\(start)%\"></span>"
            }
        }
        return (pauses + ticks).joined()
    }
}

/// Where the attempts of a run lie on its line, in percent with two digits.
struct TimelineScale {
    private let start: MigrationTime
    private let end: MigrationTime

    /// The line goes from the first attempt to the last one's end; one that is under way has reached `now`.
    init(_ attempts: [MigrationAttempt], now: MigrationTime) {
        start = attempts.map(\.startedAt).min() ?? now
        let ends = attempts.map { attempt in
            max(attempt.startedAt, attempt.finishedAt ?? (attempt.outcome == .running ? now : attempt.startedAt))
        }
        end = ends.max() ?? start
    }

    /// How long the line is.
    var milliseconds: Double { Double(end.microseconds.subtractingReportingOverflow(start.microseconds).0) / 1000 }

    /// Where a bar begins and how long it is; one without a known end goes to the end of the line.
    func place(of attempt: MigrationAttempt) -> (start: String, length: String) {
        let begin = min(Self.longestStart, share(attempt.startedAt))
        let length = (attempt.finishedAt.map(share) ?? (attempt.outcome == .running ? share(end) : 100)) - begin
        return (Self.text(begin), Self.text(max(Self.shortest, length)))
    }

    /// How much of an attempt's bar its locks were held, nil when they were not.
    func lockShare(of attempt: MigrationAttempt) -> String? {
        guard let held = attempt.lockHeldMS, held > 0, let finished = attempt.finishedAt else { return nil }
        let took = Double(finished.microseconds.subtractingReportingOverflow(attempt.startedAt.microseconds).0) / 1000
        return Self.text(took > 0 ? min(100, 100 * held / took) : 100)
    }

    /// Where something lies within an attempt's bar; nil for one without a known end.
    func part(of attempt: MigrationAttempt, from start: Int64, for length: Int64) -> (start: String, length: String)? {
        guard let took = attempt.durationMS, took > 0 else { return nil }
        let begin = min(100, max(0, 100 * Double(start) / Double(took)))
        let share = min(100 - begin, max(0, 100 * Double(length) / Double(took)))
        return (Self.text(begin), Self.text(share))
    }

    /// A bar that is too short to be seen would be a step that is not there.
    private static let shortest = 0.5
    private static let longestStart = 100 - shortest

    private func share(_ time: MigrationTime) -> Double {
        let length = milliseconds
        guard length > 0 else { return time > start ? 100 : 0 }
        let part = Double(time.microseconds.subtractingReportingOverflow(start.microseconds).0) / 1000
        return min(100, max(0, 100 * part / length))
    }

    private static func text(_ percent: Double) -> String {
        let hundredths = Int((percent * 100).rounded())
        let digits = String(hundredths % 100)
        return "\(hundredths / 100).\(digits.count < 2 ? "0\(digits)" : digits)"
    }
}

/// Text in XML and HTML.
enum Markup {
    /// The text with everything escaped that has a meaning there, and what XML does not allow shown as a middle dot.
    static func text(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\n", "\t": escaped.unicodeScalars.append(scalar)
            default:
                let isBarred = scalar.properties.generalCategory == .control || (0xFFFE...0xFFFF).contains(scalar.value)
                escaped.unicodeScalars.append(isBarred ? "\u{B7}" : scalar)
            }
        }
        return escaped
    }
}
