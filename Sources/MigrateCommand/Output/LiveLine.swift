import SchemaMigrations

/// The line that is drawn anew while a backfill is at work.
enum LiveLine {
    /// The line, at most one column shorter than the terminal: a full one would wrap.
    ///
    /// What is most useful comes first where there is little room: share and rows, then the bar, rate, time left.
    static func render(_ label: String, _ progress: BackfillProgress, timeLeft: Duration?, columns: Int) -> String {
        let limit = max(1, columns - 1)
        var facts = ["\(Int(progress.fraction * 100)) %"]
        var room = limit - shortLabel - gap - facts[0].count
        var hasBar = false
        for part in optionalParts(progress, timeLeft) {
            let width = gap + (part?.count ?? smallBar)
            guard width <= room else { break }
            room -= width
            if let part { facts.append(part) } else { hasBar = true }
        }
        let text = facts.joined(separator: "  ")
        let name = shorten(label, to: limit - text.count - gap - (hasBar ? smallBar + gap : 0))
        guard hasBar else { return String("\(name)  \(text)".prefix(limit)) }
        let bar = bar(progress.fraction, columns: min(32, limit - name.count - text.count - 2 * gap))
        return "\(name)  \(bar)  \(text)"
    }

    /// The line of a step that does not say how far it is.
    static func render(_ label: String, elapsed: Duration, reason: String? = nil, columns: Int) -> String {
        let time = elapsed < .seconds(1) ? "" : "  \(Quantity.duration(.seconds(elapsed.components.seconds)))"
        return joined(label, reason ?? "running\(time)", columns)
    }

    /// The line of a backfill that waits: how far it is, and why it goes no further.
    static func render(_ label: String, _ progress: BackfillProgress, reason: String, columns: Int) -> String {
        joined(label, "\(Int(progress.fraction * 100)) %  \(reason)", columns)
    }

    /// Name and fact, at most one column shorter than the terminal; the end of the name is kept, and the fact's begin.
    private static func joined(_ label: String, _ fact: String, _ columns: Int) -> String {
        let limit = max(1, columns - 1)
        let name = shorten(label, to: max(limit - gap - fact.count, min(label.count, shortLabel, limit / 2)))
        let line = "\(name)  \(fact)"
        guard line.count > limit else { return line }
        return limit > 1 ? "\(line.prefix(limit - 1))\u{2026}" : String(line.prefix(limit))
    }

    private static let gap = 2
    private static let shortLabel = 14
    private static let smallBar = 12

    /// What is shown while there is room, in this order; nil stands for the bar.
    private static func optionalParts(_ progress: BackfillProgress, _ timeLeft: Duration?) -> [String?] {
        let rows = "\(Quantity.count(progress.rows)) rows"
        let rate = "\(Quantity.count(Int64(min(progress.rowsPerSecond, 1e15))))/s"
        return [rows, nil, rate] + (timeLeft.map { ["\(Quantity.duration($0)) left"] } ?? [])
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
