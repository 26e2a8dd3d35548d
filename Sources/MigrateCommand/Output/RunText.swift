import SchemaMigrations

/// What `up` says, as text.
enum RunText {
    /// A step as people name it: `2 vmm_failure_reason/04_backfill`.
    static func label(_ identity: StepIdentity) -> String {
        "\(identity.version)_\(identity.migration)/\(identity.step)"
    }

    /// The line of a step that is applied.
    static func finished(_ identity: StepIdentity, _ facts: String, _ style: TextStyle) -> String {
        "\(style.paint("applied", .green)) \(label(identity))  \(facts)"
    }

    /// What is worth saying of a step that is applied.
    static func facts(_ duration: Duration, rows: Int64?, lockHeld: Duration?, othersBlocked: Duration?) -> String {
        var facts = [Quantity.duration(duration)]
        if let rows { facts.append("\(Quantity.count(rows)) rows") }
        if let lockHeld { facts.append("lock held \(Quantity.duration(lockHeld))") }
        if let othersBlocked, othersBlocked > .zero {
            facts.append("others waited \(Quantity.duration(othersBlocked))")
        }
        return facts.joined(separator: ", ")
    }

    /// The line of a backfill under way, where a line cannot be drawn anew.
    static func progress(_ identity: StepIdentity, _ progress: BackfillProgress) -> String {
        let rate = Quantity.count(Int64(min(progress.rowsPerSecond, 1e15)))
        let percent = Int(progress.fraction * 100)
        return "\(label(identity))  \(percent) %, \(Quantity.count(progress.rows)) rows, \(rate) rows/s"
    }

    /// The line of a long statement under way.
    static func progress(_ identity: StepIdentity, _ progress: ServerProgress) -> String {
        let share = progress.total > 0 ? " \(100 * min(progress.done, progress.total) / progress.total) %" : ""
        let whom = progress.waitingFor.map { ", waits for \($0)" } ?? ""
        return "\(label(identity))  \(progress.phase)\(share)\(whom)"
    }

    /// Who is waited for.
    static func waiting(_ holder: RunnerActivity?, _ waited: Duration) -> String {
        guard let holder else {
            return "waiting for another runner, which has not said who it is (\(Quantity.duration(waited)))"
        }
        let process = holder.processID.map { ", server process \($0)" } ?? ""
        let activity = holder.activity.map { ", at \($0)" } ?? ""
        return "waiting for another runner: \(holder.holder)\(process)\(activity) (\(Quantity.duration(waited)))"
    }

    /// The line of a step that gave way.
    static func retried(_ identity: StepIdentity, _ attempt: Int, _ pause: Duration, _ reason: String) -> String {
        "\(label(identity))  gave way (try \(attempt)), again in \(Quantity.duration(pause)): \(reason)"
    }

    /// What the run did, for a run that did not fail.
    static func summary(_ summary: RunSummary, _ style: TextStyle) -> String {
        var lines: [String] = []
        let took = Quantity.duration(summary.duration)
        switch summary.outcome {
        case .applied:
            let what = Quantity.many(summary.tally.migrations, "migration")
            var line = "applied \(what) (\(Quantity.many(summary.tally.steps, "step"))) in \(took)"
            if let held = summary.tally.longestLockHeld {
                line += "; longest lock held \(Quantity.duration(held))"
            }
            if let blocked = summary.tally.othersBlocked, blocked > .zero {
                line += ", others waited \(Quantity.duration(blocked)) in total"
            }
            lines.append(style.paint(line, .green))
        case .nothingToDo where summary.heldBack.isEmpty:
            lines.append("nothing to do: the database is up to date")
        case .nothingToDo:
            lines.append("nothing to do")
        case .failed, .paused:
            lines.append("before that: \(Quantity.many(summary.tally.steps, "step")) applied in \(took)")
        }
        return (lines + heldBack(summary.heldBack, style)).joined(separator: "\n")
    }

    /// Which services must go before a migration that is left can be applied.
    static func inTheWay(_ services: [RegisteredService], _ style: TextStyle) -> [String] {
        services.map { "\(style.paint("in the way", .yellow)): \($0), which could not live with what is left" }
    }

    /// Which migrations wait to be asked for, and by which command.
    static func heldBack(_ migrations: [Migration], _ style: TextStyle) -> [String] {
        guard let contract = migrations.first else { return [] }
        var lines = [
            style.paint("held back: \(contract.folder)", .yellow)
                + ", which ends support for the previous release (phase contract)"
        ]
        lines += migrations.dropFirst().map { migration in
            migration.phase == .contract ? "held back: \(migration.folder)" : "held back behind it: \(migration.folder)"
        }
        return lines + ["once no service of the previous release is left: migrate up --phase all"]
    }
}
