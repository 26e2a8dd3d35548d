import Postgres

extension Migrator {
    /// What ``repair(_:report:)`` would record anew of one applied migration.
    ///
    /// - Returns: The steps and names that differ; an empty plan when the history says what the files say.
    /// - Throws: ``MigrationError``: a version that no file has, or that is not applied (exit 64); steps that came, went
    ///   or moved, a checksum of an unknown algorithm (exit 7); a database that is ahead of the files (exit 9).
    public func repairPlan(at version: MigrationVersion) async throws -> RepairPlan {
        try RepairPlan.make(source: source, history: try await history(), version: version)
    }

    /// Records the texts and names that the files of one applied migration have now, in place of those that it was
    /// applied with; runs nothing.
    ///
    /// For an edit that asks for nothing else than before: a comment, the layout of the text. Whether that is so is for
    /// the caller to know: the history keeps checksums, not texts. ``drift(against:)`` tells whether files and schema still agree.
    ///
    /// ```swift
    /// let plan = try await migrator.repairPlan(at: version)
    /// for step in plan.steps { print(step.record.checksum, "→", step.step.file.checksum) }
    /// _ = try await migrator.repair(plan)
    /// ```
    ///
    /// All of it is one transaction under the runner's lock, fenced by the token as a step's is, and the attempt log
    /// tells who has done it and when.
    ///
    /// - Parameters:
    ///   - plan: What was looked at. Under the lock it is made again, and has to be the same.
    ///   - report: Is told of a wait for the lock.
    /// - Returns: What was recorded; an empty plan when it was recorded before, which is not an error.
    /// - Throws: ``MigrationError``, see ``repairPlan(at:)``; `planOutdated` (exit 7) when the history has changed since
    ///   the plan was made.
    public func repair(
        _ plan: RepairPlan,
        report: @escaping @Sendable (MigrationEvent) -> Void = { _ in }
    ) async throws -> RepairPlan {
        guard !plan.isEmpty else { return plan }
        return try await asRunner(report) { connection, token, _ in
            try await options.approval?(plan.steps.map(\.step.file.path))
            do {
                return try await connection.withTransaction { try await record(plan, token, $0) }
            } catch let error as PostgresError where error.isLostConnection {
                throw MigrationError.lostConnection(in: "the \(plan.label)", error)
            }
        }
    }

    private func record(
        _ plan: RepairPlan,
        _ token: FencingToken,
        _ connection: PostgresConnection
    ) async throws -> RepairPlan {
        try await store.prove(token, activity: plan.label, connection)
        let history = try await store.read(connection)
        let now = try RepairPlan.make(source: source, history: history, version: plan.migration.version)
        guard !now.isEmpty else { return now }
        guard now == plan else { throw MigrationError.historyChanged(since: plan) }
        try await store.record(now, connection)
        try await store.log("repair", at: now.migration, token, runner: options.holder, connection)
        return now
    }
}

extension RepairPlan {
    fileprivate var label: String { "repair of \(migration.folder)" }
}

extension HistoryStore {
    /// Writes the texts and names of a repair over those that were recorded.
    fileprivate func record(_ plan: RepairPlan, _ connection: PostgresConnection) async throws {
        let version = plan.migration.version.number
        let steps = plan.steps.map(\.step)
        try await connection.query(
            once(
                """
                UPDATE \(unsafeSQL: history) AS h SET step_name = s.step_name, checksum_algorithm = s.algorithm,
                    checksum = s.checksum, requires_release = nullif(s.requires_release, 0)
                FROM unnest(\(steps.map { Int32(clamping: $0.ordinal) }), \(steps.map(\.name)),
                    \(steps.map(\.file.checksum.algorithm)), \(steps.map(\.file.checksum.hex)),
                    \(steps.map { $0.options.requiredRelease ?? 0 }))
                    AS s (step, step_name, algorithm, checksum, requires_release)
                WHERE h.version = \(version) AND h.step = s.step
                """
            )
        )
        // The name stands in every line, also in that of a step that was only begun.
        try await connection.query(
            once("UPDATE \(unsafeSQL: history) SET migration_name = \(plan.migration.name) WHERE version = \(version)")
        )
    }
}

extension MigrationError {
    fileprivate static func historyChanged(since plan: RepairPlan) -> MigrationError {
        MigrationError(
            .planOutdated,
            "the history of version \(plan.migration.version) has changed since it was looked at; nothing was repaired",
            hint: "run the same command again and look at what it shows",
            exitCode: .disagreement
        )
    }
}
