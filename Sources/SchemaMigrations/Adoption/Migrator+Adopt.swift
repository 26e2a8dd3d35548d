import Postgres

extension Migrator {
    /// Records as applied what another tool has applied, so that the next ``up(to:phase:report:)`` goes on from there.
    ///
    /// The other tool's table is read and left as it is. Running it again records what the tool has applied since.
    ///
    /// ```swift
    /// let source = try MigrationSource.load(from: "db/migrations")
    /// let migrator = Migrator(source: source, database: database)
    /// let adopted = try await migrator.adopt(from: .dbmate)
    /// ```
    ///
    /// - Parameters:
    ///   - tool: Whose bookkeeping is read.
    ///   - table: Its table as SQL names it; by default the one that the tool makes, found by the `search_path`.
    ///   - report: Is told while another runner holds the lock.
    /// - Returns: The migrations that were recorded, oldest first; none when all were recorded before.
    /// - Throws: ``MigrationError``: there is no such table, the tool has left a migration half-done (exit 6), a version
    ///   has no file or an edited one (exit 7), the history disagrees with the files, or the lock is held.
    public func adopt(
        from tool: MigrationLayout,
        table: String? = nil,
        report: @escaping @Sendable (MigrationEvent) -> Void = { _ in }
    ) async throws -> [Migration] {
        let bookkeeping = try ForeignBookkeeping(tool: tool, table: table)
        return try await onConnection { connection in
            // Before the lock, so that what cannot be adopted leaves no trace.
            guard try await !missing(bookkeeping, connection).isEmpty else { return [] }
            let lock = try await MigrationLock.acquire(
                configuration,
                store: store,
                patience: options.lockWait,
                report: report
            )
            do {
                try await store.create(connection)
                let token = try await takeToken(connection)
                let adopted = try await missing(bookkeeping, connection)
                try await connection.withTransaction { connection in
                    try await store.prove(token, activity: "baseline from \(tool.rawValue)", connection)
                    try await store.recordAdopted(
                        adopted,
                        remark: "adopted from \(tool.rawValue)",
                        token,
                        connection
                    )
                }
                try await store.finishInitialRun(token, connection)
                await lock.release()
                return adopted
            } catch {
                await lock.release()
                throw error
            }
        }
    }

    /// What the other tool has applied and our history does not have.
    private func missing(_ bookkeeping: ForeignBookkeeping, _ connection: PostgresConnection) async throws
        -> [Migration]
    {
        let (foreign, history) = try await connection.withTransaction(.readOnly) { connection in
            (try await bookkeeping.read(connection), try await store.read(connection))
        }
        let known = Set(history.records.map(\.version.number))
        return try Adoption.migrations(of: foreign, in: source).filter { !known.contains($0.version.number) }
    }
}

extension HistoryStore {
    /// Writes the lines of migrations that were applied without this engine; the remark says how that is known.
    func recordAdopted(
        _ migrations: [Migration],
        remark: String,
        _ token: FencingToken,
        _ connection: PostgresConnection
    ) async throws {
        let steps = migrations.flatMap { migration in migration.steps.map { (migration, $0) } }
        try await connection.query(
            once(
                """
                INSERT INTO \(unsafeSQL: history) (version, step, step_count, migration_name, step_name, phase, kind,
                    checksum_algorithm, checksum, outcome, started_at, finished_at, token, applied_by,
                    requires_release)
                SELECT version, step, step_count, migration_name, step_name, phase, kind, algorithm, checksum, 'applied',
                    statement_timestamp(), statement_timestamp(), \(token.value),
                    format('%s (%s)', session_user, \(remark)::text), nullif(requires_release, 0)
                FROM unnest(\(steps.map(\.0.version.number)), \(steps.map { Int32(clamping: $1.ordinal) }),
                    \(steps.map { Int32(clamping: $0.0.steps.count) }), \(steps.map(\.0.name)), \(steps.map(\.1.name)),
                    \(steps.map(\.0.phase.rawValue)), \(steps.map(\.1.kind.label.rawValue)),
                    \(steps.map(\.1.file.checksum.algorithm)), \(steps.map(\.1.file.checksum.hex)),
                    \(steps.map { $1.options.requiredRelease ?? 0 }))
                    AS s (version, step, step_count, migration_name, step_name, phase, kind, algorithm, checksum,
                        requires_release)
                """
            )
        )
    }
}
