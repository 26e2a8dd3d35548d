import ArgumentParser
import SchemaMigrations

/// `migrate down`.
struct DownCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "down",
        abstract: "Take migrations back with their down.sql, newest first, until a version is the newest.",
        discussion: """
            Each down.sql is one transaction with the end of its lines in the history. Behind it the schema must be the \
            one that the version before had left. Asks on a terminal, and refuses without --yes elsewhere.

            EXAMPLE
              migrate down --to 2
              migrate down --to 0 --yes        everything
            """
    )

    @Option(help: ArgumentHelp("The version that stays the newest; 0 takes everything back.", valueName: "version"))
    var to: MigrationVersion

    @Flag(help: "Do not ask.")
    var yes = false

    @Flag(
        name: .customLong("accept-difference"),
        help: "Take a schema as it is that is not the one the version before had left."
    )
    var acceptsDifference = false

    @Option(
        name: .customLong("stall-budget"),
        help: ArgumentHelp(
            "Make others wait no longer than this for the locks of a down.sql, in all tries (default: 5000).",
            valueName: "ms"
        )
    )
    var stallBudget: Milliseconds?

    @Option(help: ArgumentHelp("Run each down.sql as this role (SET ROLE).", valueName: "name"))
    var role: String?

    @OptionGroup
    var signatures: SignatureOptions

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func run() async throws {
        let console = global.console
        var options = global.migratorOptions
        if let stallBudget { options.stallBudget = stallBudget.duration }
        options.role = role
        let migrator = try await global.migrator(console, options, signatures.check())
        let plan = try await migrator.rollbackPlan(to: to)
        if !plan.migrations.isEmpty, !yes { try confirm(plan) }
        let done = try await InterruptSignals.cancelling(
            notice: { console.message("interrupted; stopping at a safe point (once more stops at once)") },
            { [self] in
                try await migrator.down(to: to, acceptingDifference: acceptsDifference) { report($0, console) }
            }
        )
        try answer(done, console)
    }

    private func report(_ event: MigrationEvent, _ console: Console) {
        switch event {
        case .lockWaiting(let holder, let waited): console.message(RunText.waiting(holder, waited))
        case .stepRetried(let identity, let attempt, let pause, let reason):
            console.message(RunText.retried(identity, attempt, pause, reason))
        case .stepFinished(let identity, let duration, _, _, _):
            let what = console.messageStyle.paint("took back", .yellow)
            console.message("\(what) \(identity.version)_\(identity.migration)  \(Quantity.duration(duration))")
        default: break
        }
    }

    private func confirm(_ plan: RollbackPlan) throws {
        var lines = ["This takes back, with what they hold:"]
        for migration in plan.migrations {
            let loss = migration.down.flatMap { Self.firstComment($0.text) } ?? "no comment says what is lost"
            lines.append("  \(migration.folder): \(loss)")
        }
        try Confirmation.require(
            for: "take back \(Quantity.many(plan.migrations.count, "migration"))",
            explanation: lines
        )
    }

    /// The first comment of a `down.sql` says what is lost.
    private static func firstComment(_ text: String) -> String? {
        guard let line = text.split(separator: "\n").first, line.hasPrefix("--") else { return nil }
        return line.dropFirst(2).trimmingPrefix(" ").description
    }

    private func answer(_ plan: RollbackPlan, _ console: Console) throws {
        if global.format == .json {
            let versions = plan.migrations.map(\.version.number)
            console.result(try JSONOutput.object(Answer(reverted: versions, current: plan.target?.number)))
        } else if plan.migrations.isEmpty {
            console.result("nothing to do: nothing newer is applied")
        } else {
            let what = Quantity.many(plan.migrations.count, "migration")
            let now = plan.target.map { "version \($0) is the newest now" } ?? "nothing is applied now"
            console.result(console.resultStyle.paint("took back \(what)", .green) + "; \(now)")
        }
    }

    private struct Answer: Encodable {
        let reverted: [Int64]
        @OrNull var current: Int64?

        init(reverted: [Int64], current: Int64?) {
            self.reverted = reverted
            _current = OrNull(wrappedValue: current)
        }
    }
}
