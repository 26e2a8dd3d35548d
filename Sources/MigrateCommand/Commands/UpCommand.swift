import ArgumentParser
import Postgres
import SchemaMigrations

/// `migrate up`.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Apply what is pending, without breaking a service that runs.",
        discussion: """
            On a database with history a contract migration, which ends support for the previous release, is held \
            back until --phase all or --to asks for it. Running the command again is always right.

            EXAMPLE
              migrate up --wait 60
              migrate up --phase all        after the rollout
              migrate up --plan plan.json   what plan --output kept, and nothing else
            """
    )

    @Option(
        help: ArgumentHelp("Up to this version and no further, contract migrations included.", valueName: "version")
    )
    var to: MigrationVersion?

    @Option(help: "Which migrations are included when no version is asked for (default: expand).")
    var phase: PhaseSelection?

    @Option(
        help: ArgumentHelp(
            "Apply what plan --output kept in this file; answers 7 when files, history or schema have changed since.",
            valueName: "file"
        )
    )
    var plan: String?

    @Flag(
        name: .customLong("allow-out-of-order"),
        help: "Apply migrations too that are older than the newest applied one."
    )
    var allowsOutOfOrder = false

    @Option(help: ArgumentHelp("Wait so many seconds for the server to accept connections.", valueName: "seconds"))
    var wait: Seconds?

    @Option(
        name: .customLong("lock-wait"),
        help: ArgumentHelp(
            "Wait so many seconds for another runner that makes no progress (default: 60).",
            valueName: "seconds"
        )
    )
    var lockWait: Seconds?

    @Option(
        name: .customLong("stall-budget"),
        help: ArgumentHelp(
            "Make others wait no longer than this for a step's locks, in all tries (default: 5000).",
            valueName: "ms"
        )
    )
    var stallBudget: Milliseconds?

    @Option(
        name: .customLong("batch-target"),
        help: ArgumentHelp("How long a batch of a backfill should take (default: 20).", valueName: "ms")
    )
    var batchTarget: Milliseconds?

    @Option(help: ArgumentHelp("Run the steps as this role (SET ROLE).", valueName: "name"))
    var role: String?

    @Option(
        name: .customLong("max-replica-lag"),
        help: ArgumentHelp("Hold a backfill back while a replica is further behind than this.", valueName: "seconds")
    )
    var maximumReplicaLag: Seconds?

    @Option(
        name: .customLong("throttle-while"),
        help: ArgumentHelp("Hold a backfill back while this query of one boolean says true.", valueName: "sql")
    )
    var throttleCondition: String?

    @OptionGroup
    var signatures: SignatureOptions

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func validate() throws {
        if plan != nil, to != nil || phase != nil || allowsOutOfOrder {
            throw ValidationError("the plan says how far to go: --plan excludes --to, --phase and --allow-out-of-order")
        }
    }

    func run() async throws {
        let console = global.console
        let reporter: any RunReporter =
            global.format == .json ? JSONRunReporter(console: console) : TextRunReporter(console: console)
        let tally = Lock(RunTally())
        let clock = ContinuousClock.now
        let summary: RunSummary
        do {
            let result = try await InterruptSignals.cancelling(
                notice: { reporter.say(Self.interrupted) },
                { [self] in
                    try await apply(console) { event in
                        tally.withLock { $0.take(event) }
                        reporter.report(event)
                    }
                }
            )
            summary = RunSummary(result, tally.withLock(\.self), took: ContinuousClock.now - clock)
        } catch {
            summary = RunSummary(Failure.describing(error), tally.withLock(\.self), took: ContinuousClock.now - clock)
        }
        reporter.finish(summary)
        if summary.exitCode != .done { throw ExitCode(summary.exitCode.rawValue) }
    }

    private static let interrupted = "interrupted; stopping at a safe point (once more stops at once)"

    private func apply(
        _ console: Console,
        report: @escaping @Sendable (MigrationEvent) -> Void
    ) async throws -> MigrationResult {
        let check = try signatures.check()
        let saved = try await savedPlan(check)
        let early = wait == nil && saved == nil ? global.earlyHistory() : nil
        let source = try await loadSource(console, check, beside: early)
        let database = try await global.database(console)
        if let wait { try await WaitCommand.wait(for: database, timeout: wait.duration, console) }
        var options = options
        options.approval = check.map { check in { @Sendable in try await check.require($0) } }
        let migrator = Migrator(source: source, database: database, options: options)
        let result: MigrationResult
        if let saved {
            result = try await migrator.up(following: saved, report: report)
        } else {
            let target = to.map(MigrationTarget.version) ?? .latest
            let early = early ?? EarlyHistory(database, schema: global.schema)
            result = try await migrator.up(to: target, phase: phase ?? .expand, after: early, report: report)
        }
        for finding in result.findings { console.message("note: \(finding.message)") }
        return result
    }

    /// Reads the files, while the database is asked what was applied; what is wrong with the files is told first.
    private func loadSource(
        _ console: Console,
        _ check: SignatureCheck?,
        beside early: EarlyHistory?
    ) async throws -> MigrationSource {
        do {
            return try global.loadSource(console, check)
        } catch {
            await early?.abandon()
            throw error
        }
    }

    /// The plan that is to be followed, signed where that is asked for.
    private func savedPlan(_ check: SignatureCheck?) async throws -> SavedPlan? {
        guard let plan else { return nil }
        let data = try PlanFile.data(plan)
        check?.note(plan, Array(data))
        try await check?.require([plan])
        return try PlanFile.decode(data, from: plan)
    }

    private var options: MigratorOptions {
        var options = global.migratorOptions
        options.allowsOutOfOrder = allowsOutOfOrder
        if let lockWait { options.lockWait = lockWait.duration }
        if let stallBudget { options.stallBudget = stallBudget.duration }
        if let batchTarget { options.batchTarget = batchTarget.duration }
        if let maximumReplicaLag { options.maximumReplicaLag = maximumReplicaLag.duration }
        options.throttleCondition = throttleCondition
        options.role = role
        return options
    }
}
