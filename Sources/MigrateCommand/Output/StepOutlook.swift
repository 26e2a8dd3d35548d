import SchemaMigrations

/// What can be said about a step before it runs: how long it may take and what it means for others.
struct StepOutlook {
    let step: PlannedStep
    let inspection: StepInspection
    let sizes: [QualifiedName: TableSize]
    let options: MigratorOptions

    /// How long one attempt waits for a lock; nil is without limit.
    var lockTimeout: Duration? {
        let isPatient = step.step.kind == .noTransaction
        let timeout = step.step.options.lockTimeout ?? (isPatient ? .zero : options.lockTimeout)
        return timeout == .zero ? nil : timeout
    }

    /// How long a statement may run; nil is without limit.
    var statementTimeout: Duration? {
        guard let timeout = step.step.options.statementTimeout, timeout != .zero else { return nil }
        return timeout
    }

    /// A rough time from the tables' sizes; nil where the text does not tell what will be done.
    var estimate: Duration? {
        guard inspection.notes.isEmpty else { return nil }
        var total = Duration.zero
        for statement in inspection.statements {
            guard let time = estimate(of: statement) else { return nil }
            total += time
        }
        return total
    }

    /// What a service of the previous release can do while the step runs.
    var previousRelease: String {
        if step.migration.phase == .contract { return "must be gone: this step ends support for it" }
        guard inspection.notes.isEmpty, inspection.statements.allSatisfy(\.isLockKnown) else {
            return
                "unknown: the text does not tell which locks are taken; \(limit) for each try to get one, "
                + "then for as long as the step runs"
        }
        if step.step.kind.label == .backfill {
            return "reads and writes; a row that is being changed waits for its batch (about "
                + "\(Quantity.duration(options.batchTarget)))"
        }
        let locks = inspection.statements.flatMap(\.locks).filter { sizes[$0.table] != nil && $0.mode.blocksWriters }
        guard let strongest = locks.map(\.mode).max() else { return "reads and writes as before" }
        let tables = Set(locks.map(\.table.description)).sorted().joined(separator: ", ")
        let who = strongest.blocksReaders ? "reads and writes of \(tables) wait" : "reads; writes to \(tables) wait"
        return "\(who): \(limit) for each try to get the lock, then \(heldFor)"
    }

    /// What is worth knowing beforehand: what could not be read, and what services will notice.
    var notes: [String] {
        let tables = inspection.statements.filter(Self.changesColumns).flatMap(\.locks).map(\.table)
            .filter { sizes[$0] != nil }
        let names = Set(tables.map(\.description)).sorted().joined(separator: ", ")
        let plans =
            "prepared statements that select every column of \(names) fail behind it until they are prepared again "
            + "(0A000, \"cached plan must not change result type\")"
        return inspection.notes.map(\.description) + (names.isEmpty ? [] : [plans])
    }

    /// Whether rows of the table look otherwise afterwards.
    private static func changesColumns(_ statement: StatementSummary) -> Bool {
        ["ADD COLUMN", "DROP COLUMN", "ALTER COLUMN … TYPE", "RENAME COLUMN"].contains(where: statement.kind.contains)
    }

    private var limit: String {
        lockTimeout.map { "at most \(Quantity.duration($0))" } ?? "without limit"
    }

    private var heldFor: String {
        estimate.map { "about \(Quantity.duration($0)) while it is held" } ?? "for as long as the step runs (unknown)"
    }

    private func estimate(of statement: StatementSummary) -> Duration? {
        guard statement.isLockKnown else { return nil }
        let bytes = statement.locks.reduce(0.0) { $0 + Double(sizes[$1.table]?.bytes ?? 0) }
        if step.step.kind.label == .backfill { return Self.moment + .seconds(bytes / Self.bytesPerSecondWritten) }
        if Self.unknowable.contains(where: statement.kind.hasPrefix) { return nil }
        // A default that is not constant rewrites the table; which one is, only the server knows.
        if statement.kind.contains("ADD COLUMN"), statement.sql.uppercased().contains("DEFAULT") { return nil }
        let isScan = Self.scanning.contains(where: statement.kind.contains) && !statement.kind.contains("NOT VALID")
        return isScan ? Self.moment + .seconds(bytes / Self.bytesPerSecondRead) : Self.moment
    }

    /// A change of the catalog alone.
    private static let moment: Duration = .milliseconds(10)
    /// Cautious for a server with its table on a solid-state disk.
    private static let bytesPerSecondRead = 100e6
    private static let bytesPerSecondWritten = 50e6

    /// Statements whose work depends on data that no catalog describes.
    private static let unknowable = [
        "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "SELECT", "CREATE TABLE AS", "CREATE MATERIALIZED VIEW",
        "REFRESH MATERIALIZED VIEW",
    ]

    private static let scanning = [
        "VALIDATE CONSTRAINT", "CREATE INDEX", "CREATE UNIQUE INDEX", "REINDEX", "CLUSTER", "VACUUM", "ANALYZE",
        "ADD CHECK", "ADD FOREIGN KEY", "ADD PRIMARY KEY", "ADD UNIQUE", "ADD CONSTRAINT", "SET NOT NULL",
        "ALTER COLUMN … TYPE", "SET TABLESPACE", "ATTACH PARTITION",
    ]
}
