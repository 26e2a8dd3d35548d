import Postgres

extension Migrator {
    /// Looks for everything that would hinder a run, or that a run would make worse; only reads.
    ///
    /// Every question is asked in a read-only transaction of its own, with short timeouts. What the role may not see
    /// is said to be unknown.
    ///
    /// ```swift
    /// for finding in try await migrator.diagnose().findings where finding.severity == .problem {
    ///     print(finding.message)
    /// }
    /// ```
    /// - Parameter longAfter: From which age on a transaction counts as long.
    /// - Returns: What was found, good and bad.
    /// - Throws: ``MigrationError`` when the server cannot be reached. What is found is no error.
    public func diagnose(longAfter: Duration = .seconds(60)) async throws -> Diagnosis {
        try await onConnection { connection in
            let findings = await Examination(migrator: self, connection: connection, longAfter: longAfter).run()
            return Diagnosis(findings: findings)
        }
    }
}

/// The checks, one after the other on one connection.
struct Examination {
    typealias Finding = Diagnosis.Finding

    let migrator: Migrator
    let connection: PostgresConnection
    let longAfter: Duration

    var store: HistoryStore { migrator.store }

    func run() async -> [Finding] {
        var findings: [Finding] = []
        let plan = await pendingPlan()
        for check in Diagnosis.Check.allCases { findings += await examine(check, plan) }
        return findings
    }

    /// A plan of everything, or why there is none.
    private func pendingPlan() async -> Result<MigrationPlan, MigrationError> {
        do {
            return .success(
                try await inTransaction { connection in
                    try MigrationPlan.make(
                        source: migrator.source,
                        history: try await store.read(connection),
                        phase: .all,
                        allowsOutOfOrder: migrator.options.allowsOutOfOrder
                    )
                }
            )
        } catch {
            return .failure(MigrationError.describing(error))
        }
    }

    private func examine(_ check: Diagnosis.Check, _ plan: Result<MigrationPlan, MigrationError>) async -> [Finding] {
        do {
            return try await findings(of: check, plan, (try? plan.get())?.pending ?? [])
        } catch {
            let error = error as? PostgresError
            let reason = error?.server.map { "\($0.message)" } ?? error?.message ?? "the answer makes no sense"
            let hint =
                error?.sqlState == .insufficientPrivilege ? "grant pg_monitor to the role, or ask as another" : nil
            return [Finding(check, .unknown, "could not be found out: \(reason)", hint: hint)]
        }
    }

    private func findings(
        of check: Diagnosis.Check,
        _ plan: Result<MigrationPlan, MigrationError>,
        _ pending: [PlannedStep]
    ) async throws -> [Finding] {
        switch check {
        case .connection: try await identity()
        case .serverVersion: await serverVersion()
        case .writable: try await writable()
        case .pooler: try await pooler()
        case .connections: try await freeConnections()
        case .migrations: migrations(plan)
        case .runner: try await runner()
        case .privileges: try await privileges(of: pending)
        case .services: try await services(plan)
        case .locks: try await locks(of: pending)
        case .transactions: try await longTransactions()
        case .preparedTransactions: try await preparedTransactions()
        case .invalidIndexes: try await invalidIndexes()
        case .unvalidatedConstraints: try await unvalidatedConstraints()
        case .replicas: try await replicas()
        case .replicationSlots: try await replicationSlots()
        case .disk: try await disk(of: pending)
        case .wraparound: try await wraparound()
        }
    }

    /// Asks in a read-only transaction that gives up soon.
    func inTransaction<Value: Sendable>(
        as role: String? = nil,
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        var options = TransactionOptions.readOnly
        options.settings = ["lock_timeout": "1s", "statement_timeout": "10s"]
        if let role { options.settings["role"] = role }
        return try await connection.withTransaction(options, body)
    }

    /// The rows that a question gives.
    func ask(_ query: PostgresQuery, as role: String? = nil) async throws -> PostgresRows {
        try await inTransaction(as: role) { try await $0.query(store.once(query)) }
    }

    /// The findings, or that all is well.
    static func or(_ check: Diagnosis.Check, _ findings: [Finding], ok message: String) -> [Finding] {
        findings.isEmpty ? [Finding(check, .ok, message)] : findings
    }

    /// The tables that pending steps lock, with the strongest mode of each and the kinds of its statements.
    static func tables(of pending: [PlannedStep]) -> [QualifiedName: (mode: LockMode, kinds: Set<String>)] {
        var tables: [QualifiedName: (mode: LockMode, kinds: Set<String>)] = [:]
        for statement in pending.flatMap({ (try? $0.step.inspect())?.statements ?? [] }) {
            for lock in statement.locks {
                let known = tables[lock.table] ?? (lock.mode, [])
                tables[lock.table] = (max(known.mode, lock.mode), known.kinds.union([statement.kind]))
            }
        }
        return tables
    }
}
