import Postgres

extension MigrationError.Code {
    /// A saved plan does not fit files, history, schema or database any more.
    public static let planOutdated = Self(rawValue: "plan_outdated")
}

extension Migrator {
    /// Makes a plan that can be kept and applied later by ``up(following:report:)``.
    ///
    /// Only reads, as a role that may read the history.
    ///
    /// - Throws: ``MigrationError`` when files and history disagree, and for an impossible target.
    public func savePlan(
        to target: MigrationTarget = .latest,
        phase: PhaseSelection = .expand
    ) async throws -> SavedPlan {
        try await onConnection { connection in
            let history = try await store.readAlone(connection)
            let plan = try plan(against: history, target, phase)
            let world = try await world(plan, history, connection)
            let now = try await connection.query("SELECT clock_timestamp()").one().decode(MigrationTime.self)
            return SavedPlan(
                format: SavedPlan.currentFormat,
                madeAt: now.description,
                database: world.database,
                target: target.number,
                phase: phase,
                allowsOutOfOrder: options.allowsOutOfOrder,
                steps: world.pending,
                history: world.history,
                objects: world.objects
            )
        }
    }

    /// Applies a plan that was kept, if files, history, schema and database are still what it says.
    ///
    /// They are compared again once the lock is held. Of a plan that was begun by an earlier run, the rest is applied;
    /// of one that is applied, nothing is left to do. Steps can still fail on rows that came since.
    ///
    /// - Throws: as ``up(to:phase:report:)``, and ``MigrationError`` of code `planOutdated` (7) with every difference.
    public func up(
        following plan: SavedPlan,
        report: @escaping @Sendable (MigrationEvent) -> Void = { _ in }
    ) async throws -> MigrationResult {
        var options = options
        options.allowsOutOfOrder = plan.allowsOutOfOrder
        options.expectedPlan = plan
        let migrator = Migrator(source: source, database: configuration, options: options)
        do {
            return try await migrator.up(to: try plan.migrationTarget, phase: plan.phase, report: report)
        } catch let error as MigrationError where error.code == .targetBelowCurrent || error.code == .unknownVersion {
            throw plan.outdated([error.message])
        }
    }

    /// Refuses to go on when a plan that is to be followed does not fit any more; does nothing without one.
    func checkExpectedPlan(
        _ plan: MigrationPlan,
        _ history: MigrationHistory,
        _ connection: PostgresConnection
    ) async throws {
        guard let expected = options.expectedPlan else { return }
        let differences = expected.differences(from: try await world(plan, history, connection))
        if !differences.isEmpty { throw expected.outdated(differences) }
    }

    private func world(
        _ plan: MigrationPlan,
        _ history: MigrationHistory,
        _ connection: PostgresConnection
    ) async throws -> SavedPlan.World {
        let snapshot = try await SchemaReader(bookkeepingSchema: store.schema).snapshot(connection)
        let name = try await connection.query("SELECT current_database()::text").one().decode(String.self)
        return SavedPlan.World(
            database: SavedPlan.Database(
                name: name,
                cluster: try await cluster(connection),
                serverVersion: snapshot.serverVersion,
                historySchema: store.schema
            ),
            pending: plan.pending.map(SavedPlan.Step.init),
            history: history.records.map(SavedPlan.Record.init),
            objects: snapshot.objects.map(SavedPlan.Object.init)
        )
    }

    /// The identifier that `initdb` gave the cluster; standbys and restored base backups share it.
    private func cluster(_ connection: PostgresConnection) async throws -> String? {
        do {
            let rows = try await connection.query("SELECT system_identifier::text FROM pg_control_system()")
            return try rows.one().decode(String.self)
        } catch {
            // Open to all by default; hosts may have closed it.
            guard error.sqlState == .insufficientPrivilege else { throw error }
            return nil
        }
    }
}

extension MigrationTarget {
    fileprivate var number: Int64? {
        switch self {
        case .latest: nil
        case .version(let version): version.number
        }
    }
}

extension SavedPlan {
    /// The error that tells every difference, and at its end what to do.
    fileprivate func outdated(_ differences: [String]) -> MigrationError {
        let hint = "look at a new plan, and keep it: migrate plan --output FILE"
        let errors = differences.enumerated().map { index, difference in
            MigrationError(
                .planOutdated,
                index == 0 ? "the plan of \(madeAt) does not fit any more: \(difference)" : difference,
                hint: index == differences.count - 1 ? hint : nil,
                exitCode: .disagreement
            )
        }
        return MigrationError.combining(errors) ?? MigrationError(.planOutdated, "the plan does not fit any more")
    }

    fileprivate var migrationTarget: MigrationTarget {
        get throws {
            guard let target else { return .latest }
            guard let version = MigrationVersion(target) else {
                throw MigrationError(
                    .planOutdated,
                    "the plan goes up to version \(target), which is none",
                    exitCode: .usage
                )
            }
            return .version(version)
        }
    }
}
