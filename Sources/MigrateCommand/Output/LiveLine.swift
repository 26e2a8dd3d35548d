import SchemaMigrations

/// The line that is drawn anew while a backfill is at work.
enum LiveLine {
    /// The line, at most one column shorter than the terminal: a full one would wrap.
    ///
    /// What is most useful stays longest: the share that is done, rows, rate, time left; the bar from 10 columns on.
    static func render(_ label: String, _ progress: BackfillProgress, timeLeft: Duration?, columns: Int) -> String {
        let limit = max(1, columns - 1)
        var facts = facts(progress, timeLeft)
        while facts.count > 1, width(facts) + gap + shortLabel + gap + smallBar > limit, facts.count > 2 || limit < 48 {
            facts.removeLast()
        }
        let text = facts.joined(separator: "  ")
        let hasBar = text.count + 2 * gap + shortLabel + smallBar <= limit
        let labelRoom = limit - text.count - gap - (hasBar ? smallBar + gap : 0)
        let name = shorten(label, to: labelRoom)
        guard hasBar else { return String("\(name)  \(text)".prefix(limit)) }
        let bar = bar(progress.fraction, columns: min(32, limit - name.count - text.count - 2 * gap))
        return "\(name)  \(bar)  \(text)"
    }

    /// The line of a step that does not say how far it is.
    static func render(_ label: String, columns: Int) -> String {
        let limit = max(1, columns - 1)
        return String("\(shorten(label, to: max(1, limit - 9)))  running".prefix(limit))
    }

    private static let gap = 2
    private static let shortLabel = 14
    private static let smallBar = 12

    private static func width(_ facts: [String]) -> Int {
        facts.reduce(0) { $0 + $1.count } + gap * (facts.count - 1)
    }

    private static func facts(_ progress: BackfillProgress, _ timeLeft: Duration?) -> [String] {
        let rate = Quantity.count(Int64(min(progress.rowsPerSecond, 1e15)))
        let rows = Quantity.count(progress.rows)
        var facts = ["\(Int(progress.fraction * 100)) %", "\(rows) rows", "\(rate)/s"]
        if let timeLeft { facts.append("\(Quantity.duration(timeLeft)) left") }
        return facts
    }

    private static func bar(_ fraction: Double, columns: Int) -> String {
        let inner = columns - 2
        let done = Int((fraction * Double(inner)).rounded(.down))
        return "[" + String(repeating: "#", count: done) + String(repeating: ".", count: inner - done) + "]"
    }

    /// Keeps the end, which tells steps apart.
    private static func shorten(_ label: String, to room: Int) -> String {
        guard label.count > room else { return label }
        return room > 1 ? "\u{2026}\(label.suffix(room - 1))" : String(label.suffix(max(0, room)))
    }
}
