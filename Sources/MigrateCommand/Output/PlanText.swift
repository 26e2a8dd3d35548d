import SchemaMigrations

/// What `plan` says, as text.
enum PlanText {
    static func render(_ report: PlanReport, heldBack: [Migration], _ style: TextStyle) -> String {
        var blocks = report.steps.map { step($0, style) }
        for finding in report.findings {
            let kind = finding.blocking ? style.paint("error", .red) : style.paint("note", .yellow)
            blocks.append("\(kind): \(finding.message)\nhint: \(finding.hint)")
        }
        if report.steps.isEmpty, !report.findings.contains(where: \.blocking) { blocks.append("nothing to do") }
        let held = RunText.heldBack(heldBack, style)
        if !held.isEmpty { blocks.append(held.joined(separator: "\n")) }
        blocks += RunText.inTheWay(report.servicesInTheWay, style)
        if !report.steps.isEmpty { blocks.append(total(report)) }
        return blocks.joined(separator: "\n\n")
    }

    private static func step(_ step: PlanReport.Step, _ style: TextStyle) -> String {
        var lines = [
            style.paint("\(step.number). \(step.file)", .cyan) + "  (\(step.kind.rawValue), \(step.phase.rawValue))"
        ]
        lines += step.statements.flatMap { shortened($0.sql) }
        var facts = strongest(step.statements.flatMap(\.locks)).map { ["lock", "\($0.mode.rawValue) on \(size($0))"] }
        if step.statements.contains(where: { !$0.locksKnown }) || step.statements.isEmpty {
            facts.append(["lock", "unknown: the text does not tell"])
        } else if facts.isEmpty {
            facts.append(["lock", "none on a table"])
        }
        facts += [
            ["timeouts", "lock \(timeout(step.lockTimeoutMS)), statement \(timeout(step.statementTimeoutMS))"],
            ["if stopped", resumption(step)],
            ["estimate", estimate(step.estimatedMS)],
            ["previous release", step.previousRelease],
        ]
        facts += step.notes.map { ["note", $0] }
        return (lines + TextTable.render(facts, indent: "   ")).joined(separator: "\n")
    }

    /// A statement's first lines, indented.
    static func shortened(_ sql: String, lines limit: Int = 6, columns: Int = 100) -> [String] {
        let lines = sql.split(separator: "\n").map { line in
            line.count > columns ? "\(line.prefix(columns - 1))\u{2026}" : String(line)
        }
        let shown = lines.prefix(limit).map { "     \($0)" }
        let rest = lines.count - shown.count
        return rest > 0 ? shown + ["     \u{2026} (\(Quantity.many(rest, "more line")))"] : shown
    }

    /// The strongest lock on each table; weaker ones on the same table say nothing more.
    private static func strongest(_ locks: [PlanReport.Lock]) -> [PlanReport.Lock] {
        var order: [String] = []
        var found: [String: PlanReport.Lock] = [:]
        for lock in locks {
            if found[lock.table] == nil { order.append(lock.table) }
            if found[lock.table].map({ $0.mode < lock.mode }) ?? true { found[lock.table] = lock }
        }
        return order.compactMap { found[$0] }
    }

    private static func size(_ lock: PlanReport.Lock) -> String {
        guard lock.exists, let bytes = lock.tableBytes else { return "\(lock.table) (does not exist yet)" }
        let rows = lock.estimatedRows.map { "about \(Quantity.count($0)) rows" } ?? "rows not counted yet"
        return "\(lock.table) (\(Quantity.bytes(bytes)), \(rows))"
    }

    private static func timeout(_ milliseconds: Int64?) -> String {
        milliseconds.map { Quantity.duration(milliseconds: Double($0)) } ?? "none"
    }

    private static func resumption(_ step: PlanReport.Step) -> String {
        switch step.kind {
        case .backfill: "goes on after its last batch"
        case .transaction: "is rolled back whole, and runs again from its beginning"
        case .noTransaction: "the next run finds out what became of it, and cleans up before it tries again"
        }
    }

    private static func estimate(_ milliseconds: Int64?) -> String {
        milliseconds.map { "about \(Quantity.duration(milliseconds: Double($0)))" } ?? "unknown"
    }

    private static func total(_ report: PlanReport) -> String {
        let known = report.steps.compactMap(\.estimatedMS)
        let unknown = report.steps.count - known.count
        let time = Quantity.duration(milliseconds: Double(known.reduce(0, +)))
        let length =
            switch (known.count, unknown) {
            case (_, 0): "about \(time)"
            case (0, _): "of unknown length"
            default: "about \(time), and \(Quantity.many(unknown, "step")) of unknown length"
            }
        return "\(Quantity.many(report.steps.count, "step")), \(length); apply with: migrate up"
    }
}
