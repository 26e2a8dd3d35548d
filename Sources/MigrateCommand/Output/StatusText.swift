import SchemaMigrations

/// What `status` says, as text.
enum StatusText {
    static func render(_ status: MigrationStatus, findings: [MigrationFinding], _ style: TextStyle) -> String {
        var lines = TextTable.render(
            [
                ["state", words(status.state)],
                ["current", status.current.map(String.init) ?? "none"],
                ["latest", status.latest.map(String.init) ?? "none"],
            ],
            indent: ""
        )
        lines[0] = style.paint(lines[0], color(status.state))
        if !status.migrations.isEmpty { lines += [""] + table(status.migrations) }
        for finding in findings {
            let kind = finding.isBlocking ? style.paint("error", .red) : style.paint("note", .yellow)
            lines += ["", "\(kind): \(finding)"]
        }
        lines += RunText.inTheWay(status.servicesInTheWay, style)
        return (lines + ["", next(status)]).joined(separator: "\n")
    }

    /// Who is at work, and whether runs are paused; no line where neither is.
    static func activity(_ situation: MigrationSituation, _ style: TextStyle) -> [String] {
        var rows: [[String]] = []
        if let runner = situation.runner {
            let process = runner.processID.map { ", server process \($0)" } ?? ""
            rows.append(["running", "\(runner.activity ?? "between two steps"), by \(runner.holder)\(process)"])
        }
        if let since = situation.request.pausedAt {
            rows.append(["paused", "by \(situation.request.pausedBy ?? "somebody") since \(since)"])
        }
        return TextTable.render(rows, indent: "").map { style.paint($0, .cyan) }
    }

    private static func table(_ migrations: [MigrationStatus.MigrationReport]) -> [String] {
        let head = ["version", "name", "phase", "state", "applied at", "took"]
        let rows = migrations.map { migration in
            [
                String(migration.version), migration.name, migration.phase.rawValue, words(migration),
                migration.appliedAt ?? "-",
                migration.durationMS.map { Quantity.duration(milliseconds: Double($0)) } ?? "-",
            ]
        }
        return TextTable.render([head] + rows)
    }

    private static func words(_ migration: MigrationStatus.MigrationReport) -> String {
        guard migration.state == .partial else { return migration.state.rawValue.replacing("_", with: " ") }
        let done = migration.steps.count { $0.state == .applied }
        return "partial (\(done) of \(migration.steps.count) steps)"
    }

    private static func words(_ state: MigrationState) -> String {
        switch state {
        case .upToDate: "up to date"
        case .contractPending: "up to date for the rollout; contract migrations wait to be asked for"
        case .pending: "pending"
        case .partial: "partial: a migration was begun and is not complete"
        case .ahead: "ahead: the database is newer than these files"
        case .diverged: "diverged: files and history disagree"
        }
    }

    private static func color(_ state: MigrationState) -> TextStyle.Color {
        switch state {
        case .upToDate, .contractPending: .green
        case .pending, .partial: .yellow
        case .ahead, .diverged: .red
        }
    }

    private static func next(_ status: MigrationStatus) -> String {
        switch status.state {
        case .upToDate: "next: nothing to do"
        case .contractPending: "next: migrate up --phase all, once no service of the previous release is left"
        case .pending, .partial: "next: migrate up"
        case .ahead: "next: use the migrations of the newest release, then migrate status"
        case .diverged: "next: settle the errors above, then migrate status"
        }
    }
}
