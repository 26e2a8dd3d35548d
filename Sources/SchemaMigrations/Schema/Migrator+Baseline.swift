public import Postgres

extension Migrator {
    /// What ``Migrator/baseline(at:against:report:)`` did.
    public enum BaselineResult: Sendable {
        /// The versions up to this one are recorded as applied.
        case recorded(MigrationVersion, migrations: Int)
        /// They were recorded already.
        case nothingToDo
        /// The schema is not what the migrations make; nothing was recorded.
        case different(SchemaDrift)
    }

    /// Adopts a database that was made without this engine: records every version up to `version` as applied, after
    /// checking that its schema is what these migrations make.
    ///
    /// - Parameters:
    ///   - version: The version whose schema the database has.
    ///   - scratch: An empty database to run the migrations in, for the comparison; it is left as they make it.
    ///   - report: Is told of a wait for the lock.
    /// - Returns: What was done. A schema that differs is a result, with the differences.
    /// - Throws: ``MigrationError`` for a version in no file, a database with another history, a `scratch` that is not
    ///   empty or in which the migrations do not run.
    public func baseline(
        at version: MigrationVersion,
        against scratch: PostgresConfiguration,
        report: @escaping @Sendable (MigrationEvent) -> Void = { _ in }
    ) async throws -> BaselineResult {
        guard let newest = source[source.meant(version)] else {
            throw MigrationError.unknown(version, in: source)
        }
        if try await isRecorded(newest, try await history()) { return .nothingToDo }
        let adopted = source.upTo(newest.version)
        let (expected, built) = try await SchemaBuild(source: adopted, options: options, scratch: scratch).run()
        let drift = SchemaDrift(
            expected: expected,
            found: try await schema(),
            version: newest.version,
            recorded: [:],
            built: built
        )
        guard drift.differences.isEmpty else { return .different(drift) }
        return try await asRunner(report) { connection, token, _ in
            if try await isRecorded(newest, try await store.readAlone(connection)) { return .nothingToDo }
            // Again, under the lock: somebody may have changed it meanwhile.
            let reader = SchemaReader(bookkeepingSchema: store.schema)
            let live = try await reader.snapshot(connection)
            let later = SchemaDrift(
                expected: expected,
                found: live,
                version: newest.version,
                recorded: [:],
                built: built
            )
            guard later.differences.isEmpty else { return .different(later) }
            try await store.recordBaseline(adopted, live.fingerprint, token, runner: options.holder, connection)
            return .recorded(newest.version, migrations: adopted.migrations.count)
        }
    }

    /// Whether the history says already that everything up to the migration is applied.
    ///
    /// - Throws: ``MigrationError`` when it says something else.
    private func isRecorded(_ newest: Migration, _ history: MigrationHistory) async throws -> Bool {
        guard !history.records.isEmpty else { return false }
        let comparison = HistoryComparison(
            source: source,
            history: history,
            allowsOutOfOrder: options.allowsOutOfOrder
        )
        let older = comparison.entries.filter { $0.version <= newest.version }
        guard older.allSatisfy({ $0.state == .applied }) else {
            throw MigrationError(
                .hasHistory,
                "the database has a history already; a baseline is the beginning of one",
                hint: "look at it with \"migrate status\"; what is pending is applied with \"migrate up\"",
                exitCode: .disagreement
            )
        }
        return true
    }
}

extension HistoryStore {
    /// Records every step of the migrations as applied now, and the fingerprint with the last one, in one transaction.
    func recordBaseline(
        _ source: MigrationSource,
        _ fingerprint: SchemaFingerprint,
        _ token: FencingToken,
        runner: String,
        _ connection: PostgresConnection
    ) async throws {
        try await connection.withTransaction { connection in
            try await prove(token, activity: "baseline", connection)
            try await recordAdopted(source.migrations, remark: "baseline", token, connection)
            if let newest = source.migrations.last {
                try await log("baseline", at: newest, token, runner: runner, connection)
            }
            if let last = source.latest {
                try await connection.query(
                    once(
                        """
                        UPDATE \(unsafeSQL: history) SET schema_fingerprint = \(fingerprint.description)
                        WHERE version = \(last.number) AND step = step_count
                        """
                    )
                )
            }
            // Services may be at work on this database: contract migrations wait to be asked for.
            try await finishInitialRun(token, connection)
        }
    }
}

extension MigrationError.Code {
    /// The database has a history where none may be.
    public static let hasHistory = Self(rawValue: "has_history")
}

extension MigrationError {
    /// No migration has the version that was asked for.
    static func unknown(_ version: MigrationVersion, in source: MigrationSource) -> MigrationError {
        let known = source.latest.map { "the newest is \($0)" } ?? "there are no migrations"
        return MigrationError(.unknownVersion, "no migration has the version \(version); \(known)", exitCode: .usage)
    }
}
