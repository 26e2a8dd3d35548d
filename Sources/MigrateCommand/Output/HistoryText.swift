import SchemaMigrations

/// What `history` says, as text.
enum HistoryText {
    static func render(_ log: MigrationLog, _ runs: [MigrationLog.Run], _ style: TextStyle) -> String {
        var blocks = runs.map { run($0, log, style) }
        if runs.isEmpty { blocks.append("no step has been tried here") }
        if log.stepsWithoutAttempt > 0 { blocks.append(withoutAttempt(log.stepsWithoutAttempt)) }
        return blocks.joined(separator: "\n\n")
    }

    /// A step as people name it: `2_vmm_failure_reason/04_backfill`.
    static func label(_ attempt: MigrationAttempt) -> String {
        "\(attempt.version)_\(attempt.migrationName)/\(attempt.stepName)"
    }

    /// Steps that are applied although nobody tried them here.
    static func withoutAttempt(_ count: Int) -> String {
        "\(Quantity.many(count, "step")) recorded as applied without an attempt: a baseline, or another tool's"
    }

    /// Whole seconds are enough beside a duration: `2026-03-01 09:30:00`.
    static func moment(_ time: MigrationTime) -> String {
        String(time.description.prefix(19)).replacing("T", with: " ")
    }

    /// How far a backfill is, if the attempt is one that is not done.
    static func progress(_ attempt: MigrationAttempt, _ log: MigrationLog) -> String? {
        let isOpen = attempt.kind == .backfill && attempt.outcome != .applied
        let state = log.backfills.first { $0.version == attempt.version && $0.stepOrdinal == attempt.stepOrdinal }
        guard isOpen, let state else { return nil }
        let pass = state.pass > 1 ? ", pass \(state.pass)" : ""
        let of = state.key.isEmpty ? "of" : "of about"
        let unit = state.key.isEmpty ? "pages" : "rows walked by \(state.key.joined(separator: ", "))"
        return "so far: \(Quantity.count(state.pagesDone)) \(of) \(Quantity.count(state.pagesTotal)) \(unit)\(pass), "
            + "\(Quantity.count(state.rows)) rows in \(Quantity.many(Int(clamping: state.batches), "batch", "batches"))"
    }

    /// Why and for how long the attempt held back, and in how many batches it worked.
    static func happenings(_ attempt: MigrationAttempt) -> [String] {
        var lines = attempt.trace.pauses.map { pause in
            let times = pause.count == 1 ? "" : "\(pause.count) times, "
            let at = Quantity.duration(milliseconds: Double(pause.atMS))
            return
                "held back \(times)\(Quantity.duration(milliseconds: Double(pause.durationMS))) after \(at): \(pause.reason)"
        }
        if let last = attempt.trace.points.last {
            lines.append("\(Quantity.many(Int(clamping: last.batches), "batch", "batches")) committed")
        }
        return lines
    }

    private static func run(_ run: MigrationLog.Run, _ log: MigrationLog, _ style: TextStyle) -> String {
        guard let first = run.attempts.first else { return "" }
        var lines = [
            style.paint("run \(run.number)", .cyan)
                + "  \(moment(first.startedAt)) UTC, \(first.runner), role \(first.role)"
        ]
        let head = ["step", "outcome", "took", "tries", "lock held", "others waited", "rows"]
        let table = TextTable.render([head] + run.attempts.map(cells))
        lines.append(table[0])
        for (attempt, line) in zip(run.attempts, table.dropFirst()) {
            lines.append(painted(line, attempt.outcome, style))
            if let error = attempt.error { lines += error.split(separator: "\n").map { "    \($0)" } }
            lines += happenings(attempt).map { "    \($0)" }
            if let progress = progress(attempt, log) { lines.append("    \(progress)") }
        }
        return lines.joined(separator: "\n")
    }

    private static func cells(_ attempt: MigrationAttempt) -> [String] {
        [
            label(attempt), attempt.outcome.rawValue,
            attempt.durationMS.map { Quantity.duration(milliseconds: Double($0)) } ?? "-",
            attempt.tries.map(String.init) ?? "-",
            attempt.lockHeldMS.map { Quantity.duration(milliseconds: $0) } ?? "-",
            attempt.othersBlockedMS.map { Quantity.duration(milliseconds: $0) } ?? "-",
            attempt.rows.map(Quantity.count) ?? "-",
        ]
    }

    private static func painted(_ line: String, _ outcome: MigrationAttempt.Outcome, _ style: TextStyle) -> String {
        switch outcome {
        case .applied: line
        case .running, .interrupted: style.paint(line, .yellow)
        case .failed, .abandoned: style.paint(line, .red)
        }
    }
}
