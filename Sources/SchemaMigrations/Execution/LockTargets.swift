import Postgres

/// The table locks of a step that others can feel, as far as its text tells.
struct LockTargets: Sendable {
    /// Those for which a look beforehand is worth while; weaker ones are had beside readers and writers.
    let locks: [TableLock]
    /// Whether some lock keeps writers waiting; where the text does not tell, it is taken to.
    let holdWritersBack: Bool

    init(of step: MigrationStep) {
        guard let inspection = try? step.inspect() else {
            locks = []
            holdWritersBack = true
            return
        }
        let all = inspection.statements.flatMap(\.locks)
        locks = all.filter { $0.mode >= .shareUpdateExclusive }
        holdWritersBack =
            !inspection.notes.isEmpty || inspection.statements.contains { !$0.isLockKnown }
            || all.contains { $0.mode.blocksWriters }
    }

    /// Who holds locks now that these would have to wait for.
    ///
    /// A moment later it may be others: this saves tries that are in vain, and promises nothing.
    func blockers(_ connection: PostgresConnection) async throws -> [Blocker] {
        let pairs = Set(locks.flatMap { lock in lock.mode.conflicts.map { TableLock(table: lock.table, mode: $0) } })
        guard !pairs.isEmpty else { return [] }
        var query: PostgresQuery = """
            SELECT l.pid, l.transaction, \(unsafeSQL: Blocker.columns)
            FROM (
                SELECT DISTINCT l.pid, l.virtualtransaction AS transaction
                FROM unnest(\(pairs.map(\.table.sql)), \(pairs.map(\.mode.catalogName))) AS wanted (name, mode)
                JOIN pg_locks AS l ON l.relation = to_regclass(wanted.name) AND l.mode = wanted.mode
                WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
                    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            ) AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
            """
        query.isCacheable = false
        return try await connection.query(query).decode(Blocker.self)
    }
}

extension LockMode {
    /// The modes that nobody else may hold for this one to be granted; see the manual, "Conflicting Lock Modes".
    var conflicts: [LockMode] {
        switch self {
        case .accessShare: [.accessExclusive]
        case .rowShare: [.exclusive, .accessExclusive]
        case .rowExclusive: [.share, .shareRowExclusive, .exclusive, .accessExclusive]
        case .shareUpdateExclusive: Self.allCases.filter { $0 >= .shareUpdateExclusive }
        case .share: [.rowExclusive, .shareUpdateExclusive, .shareRowExclusive, .exclusive, .accessExclusive]
        case .shareRowExclusive: Self.allCases.filter { $0 >= .rowExclusive }
        case .exclusive: Self.allCases.filter { $0 >= .rowShare }
        case .accessExclusive: Self.allCases
        }
    }

    /// The mode as `pg_locks` spells it: `ShareUpdateExclusiveLock`.
    var catalogName: String {
        rawValue.split(separator: " ").map { $0.prefix(1) + $0.dropFirst().lowercased() }.joined() + "Lock"
    }
}
