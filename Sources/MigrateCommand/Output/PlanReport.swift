import SchemaMigrations

/// What `plan` reports, in the shape of its JSON.
struct PlanReport: Encodable, Sendable, Equatable {
    let state: MigrationState
    @OrNull var current: Int64?
    let steps: [Step]
    let heldBack: [HeldBack]
    let findings: [Finding]
    /// Services that run and could not live with something that is pending or held back.
    let servicesInTheWay: [RegisteredService]
    let exitCode: Int32

    struct Step: Encodable, Sendable, Equatable {
        let number: Int
        let version: Int64
        let migration: String
        let phase: MigrationPhase
        let step: String
        let kind: StepKind.Label
        let file: String
        let beginning: Beginning
        @OrNull var lockTimeoutMS: Int64?
        @OrNull var statementTimeoutMS: Int64?
        let resumable: Bool
        @OrNull var estimatedMS: Int64?
        let previousRelease: String
        let notes: [String]
        let statements: [Statement]
    }

    /// How the step begins.
    enum Beginning: String, Encodable, Sendable {
        case fresh
        case settle
        case resume
        case restart
    }

    struct Statement: Encodable, Sendable, Equatable {
        @OrNull var line: Int?
        let kind: String
        let sql: String
        let locksKnown: Bool
        let locks: [Lock]
    }

    struct Lock: Encodable, Sendable, Equatable {
        let table: String
        let mode: LockMode
        let blocksReaders: Bool
        let blocksWriters: Bool
        /// Whether the table exists now; one that a step of this plan makes does not.
        let exists: Bool
        @OrNull var tableBytes: Int64?
        @OrNull var estimatedRows: Int64?
    }

    struct HeldBack: Encodable, Sendable, Equatable {
        let version: Int64
        let name: String
        let phase: MigrationPhase
    }

    struct Finding: Encodable, Sendable, Equatable {
        let kind: MigrationFinding.Kind
        let version: Int64
        @OrNull var step: String?
        @OrNull var file: String?
        let message: String
        let hint: String
        let blocking: Bool
    }
}

extension PlanReport {
    /// - Throws: ``MigrationError`` for a step that could not run.
    init(
        _ plan: MigrationPlan,
        sizes: [QualifiedName: TableSize],
        services: [RegisteredService],
        options: MigratorOptions
    ) throws(MigrationError) {
        var steps: [Step] = []
        for planned in plan.pending {
            let outlook = StepOutlook(
                step: planned,
                inspection: try planned.step.inspect(),
                sizes: sizes,
                options: options
            )
            steps.append(Step(outlook, number: steps.count + 1))
        }
        self.init(
            state: plan.state,
            current: plan.current?.number,
            steps: steps,
            heldBack: plan.heldBack.map { HeldBack(version: $0.version.number, name: $0.name, phase: $0.phase) },
            findings: plan.findings.map(Finding.init),
            servicesInTheWay: plan.inTheWay(among: services),
            exitCode: plan.exitCodeOfCheck.rawValue
        )
    }

    /// The tables that the plan's steps lock, for looking up their sizes.
    ///
    /// - Throws: ``MigrationError`` for a step that could not run.
    static func tables(of plan: MigrationPlan) throws(MigrationError) -> Set<QualifiedName> {
        var tables: Set<QualifiedName> = []
        for planned in plan.pending {
            for statement in try planned.step.inspect().statements { tables.formUnion(statement.locks.map(\.table)) }
        }
        return tables
    }
}

extension PlanReport.Step {
    fileprivate init(_ outlook: StepOutlook, number: Int) {
        let planned = outlook.step
        self.init(
            number: number,
            version: planned.migration.version.number,
            migration: planned.migration.name,
            phase: planned.migration.phase,
            step: planned.step.name,
            kind: planned.step.kind.label,
            file: planned.step.file.path,
            beginning: PlanReport.Beginning(planned.beginning),
            lockTimeoutMS: outlook.lockTimeout?.wholeMilliseconds,
            statementTimeoutMS: outlook.statementTimeout?.wholeMilliseconds,
            resumable: planned.step.kind.label == .backfill,
            estimatedMS: outlook.estimate?.wholeMilliseconds,
            previousRelease: outlook.previousRelease,
            notes: outlook.notes,
            statements: outlook.inspection.statements.map { PlanReport.Statement($0, outlook.sizes) }
        )
    }
}

extension PlanReport.Beginning {
    fileprivate init(_ beginning: PlannedStep.Beginning) {
        self =
            switch beginning {
            case .fresh: .fresh
            case .settle: .settle
            case .resumeBackfill: .resume
            case .restartBackfill: .restart
            }
    }
}

extension PlanReport.Statement {
    fileprivate init(_ summary: StatementSummary, _ sizes: [QualifiedName: TableSize]) {
        self.init(
            line: summary.location.line,
            kind: summary.kind,
            sql: summary.sql,
            locksKnown: summary.isLockKnown,
            locks: summary.locks.map { lock in
                let size = sizes[lock.table]
                return PlanReport.Lock(
                    table: lock.table.description,
                    mode: lock.mode,
                    blocksReaders: lock.mode.blocksReaders,
                    blocksWriters: lock.mode.blocksWriters,
                    exists: size != nil,
                    tableBytes: size?.bytes,
                    estimatedRows: size?.estimatedRows
                )
            }
        )
    }
}

extension PlanReport.Finding {
    fileprivate init(_ finding: MigrationFinding) {
        self.init(
            kind: finding.kind,
            version: finding.version.number,
            step: finding.step,
            file: finding.file,
            message: finding.message,
            hint: finding.hint,
            blocking: finding.isBlocking
        )
    }
}
