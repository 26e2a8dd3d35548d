public import Postgres

/// Runs pending steps on an empty database, statement by statement, and looks at what each really locks and rewrites.
///
/// The text of a statement does not tell what a function, a `DO` block or a newer server does. What depends on rows is
/// not seen either: the tables are empty.
///
/// ```swift
/// let tracer = PlanTracer(source: source, history: try await migrator.history())
/// let traces = try await tracer.run(on: scratch)
/// ```
public struct PlanTracer: Sendable {
    /// The migrations.
    public let source: MigrationSource
    /// What counts as applied.
    public let history: MigrationHistory
    /// How the engine makes what is applied.
    public let options: MigratorOptions

    /// Creates a tracer; without a history, everything is pending.
    public init(
        source: MigrationSource,
        history: MigrationHistory = MigrationHistory(),
        options: MigratorOptions = MigratorOptions()
    ) {
        self.source = source
        self.history = history
        self.options = options
    }

    /// Makes what is applied, then tries what is pending.
    ///
    /// - Parameter scratch: An empty database, which is left as the migrations make it.
    /// - Returns: What each pending step did, in their order.
    /// - Throws: ``MigrationError`` when files and history disagree, `scratch` is not empty, or a step fails there.
    public func run(on scratch: PostgresConfiguration) async throws -> [StepTrace] {
        let plan = try MigrationPlan.make(
            source: source,
            history: history,
            phase: .all,
            allowsOutOfOrder: options.allowsOutOfOrder
        )
        if let error = plan.blockingError { throw error }
        _ = try await SchemaBuild(source: source.applied(by: history), options: options, scratch: scratch).run()
        do {
            return try await PostgresConnection.withConnection(to: scratch) { connection in
                var traces: [StepTrace] = []
                var before: (version: MigrationVersion, relations: Relations)?
                for step in plan.pending {
                    if before?.version != step.migration.version {
                        before = (step.migration.version, try await Relations.read(connection))
                    }
                    guard let relations = before?.relations else { continue }
                    traces.append(try await StepTracer(step: step, before: relations).run(on: connection))
                }
                return traces
            }
        } catch {
            throw MigrationError.describing(error)
        }
    }
}

/// One step.
private struct StepTracer {
    let step: PlannedStep
    let before: Relations

    func run(on connection: PostgresConnection) async throws -> StepTrace {
        if let settings = step.step.settings { try await connection.execute(script: settings) }
        let summaries = try step.step.inspect().statements
        let statements =
            step.step.kind == .noTransaction
            ? try await runOutside(summaries, connection)
            : try await connection.withTransaction { try await runInside(summaries, $0) }
        // What a file sets for its session must not reach the next step.
        try await connection.execute(script: HistoryStore.resetSession)
        let after = try await Relations.read(connection)
        return StepTrace(
            step: step.identity,
            file: step.step.file.path,
            statements: statements,
            rewritten: before.rewritten(in: after)
        )
    }

    private func runOutside(
        _ summaries: [StatementSummary],
        _ connection: PostgresConnection
    ) async throws -> [StepTrace.Statement] {
        try await execute(step.step.file.text, at: SourceLocation(file: step.step.file.path), connection)
        return summaries.map { StepTrace.Statement(location: $0.location, kind: $0.kind, locks: nil) }
    }

    private func runInside(
        _ summaries: [StatementSummary],
        _ connection: PostgresConnection
    ) async throws -> [StepTrace.Statement] {
        guard !summaries.isEmpty else {
            let place = SourceLocation(file: step.step.file.path)
            try await execute(step.step.file.text, at: place, connection)
            let locks = try await HeldLocks.read(connection).beyond(HeldLocks(), before, foreseen: [:])
            return [StepTrace.Statement(location: place, kind: "the file as a whole", locks: locks)]
        }
        var held = HeldLocks()
        var traced: [StepTrace.Statement] = []
        for summary in summaries {
            let foreseen = try await before.resolve(summary.locks, connection)
            try await execute(summary.sql, at: summary.location, connection)
            let now = try await HeldLocks.read(connection)
            let locks = now.beyond(held, before, foreseen: foreseen)
            traced.append(StepTrace.Statement(location: summary.location, kind: summary.kind, locks: locks))
            held = now
        }
        return traced
    }

    private func execute(_ sql: String, at place: SourceLocation, _ connection: PostgresConnection) async throws {
        do throws(PostgresError) {
            try await connection.execute(script: sql)
        } catch {
            guard let server = error.server else { throw error }
            throw MigrationError(
                .cannotBuild,
                "the step does not run on empty tables: \(server.message) (SQLSTATE \(server.sqlState.rawValue))",
                at: place,
                hint: "the trace needs a step that works without rows; plan and lint look at the text alone",
                underlying: error
            )
        }
    }
}

/// The tables, views, sequences and indexes of a database, with the file of each.
private struct Relations: Sendable {
    private struct Relation: Sendable {
        let name: QualifiedName
        let isIndex: Bool
        let file: UInt32?
    }

    private let byID: [UInt32: Relation]

    static func read(_ connection: PostgresConnection) async throws -> Relations {
        let rows = try await connection.query(
            """
            SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text IN ('i', 'I'), pg_relation_filenode(c.oid)
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f', 'S', 'i', 'I') AND c.oid >= 16384 AND n.nspname !~ '^pg_'
                AND c.relname !~ '^migrate_(control|request|history|attempt|backfill)(_pkey)?$'
            """
        )
        var relations: [UInt32: Relation] = [:]
        for row in rows {
            let (id, schema, name, isIndex, file) = try row.decode(
                UInt32.self,
                String.self,
                String.self,
                Bool.self,
                UInt32?.self
            )
            relations[id] = Relation(name: QualifiedName(schema: schema, name: name), isIndex: isIndex, file: file)
        }
        return Relations(byID: relations)
    }

    /// A table's name; nil for an index, which is locked with its table, and for what is new.
    func table(_ id: UInt32) -> QualifiedName? {
        byID[id].flatMap { $0.isIndex ? nil : $0.name }
    }

    /// What has another file in `after`.
    func rewritten(in after: Relations) -> [QualifiedName] {
        byID.compactMap { id, relation -> QualifiedName? in
            guard let now = after.byID[id], now.file != relation.file, relation.file != nil else { return nil }
            return relation.name
        }
        .sorted { $0.description < $1.description }
    }

    /// The strongest foreseen mode for each relation, found by the names as the session sees them now.
    func resolve(_ locks: [TableLock], _ connection: PostgresConnection) async throws -> [UInt32: LockMode] {
        var modes: [UInt32: LockMode] = [:]
        for lock in locks {
            let id = try await connection.query("SELECT to_regclass(\(lock.table.sql))::oid").one().decode(UInt32?.self)
            guard let id else { continue }
            modes[id] = max(modes[id] ?? lock.mode, lock.mode)
        }
        return modes
    }
}

/// What a session has locked.
private struct HeldLocks: Sendable {
    private var modes: [UInt32: Set<LockMode>] = [:]

    static func read(_ connection: PostgresConnection) async throws -> HeldLocks {
        let rows = try await connection.query(
            """
            SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND relation >= 16384
            """
        )
        var held = HeldLocks()
        for row in rows {
            let (id, mode) = try row.decode(UInt32.self, String.self)
            if let mode = LockMode(inCatalog: mode) { held.modes[id, default: []].insert(mode) }
        }
        return held
    }

    /// The strongest new lock on each table that was there before, by name.
    func beyond(_ earlier: HeldLocks, _ before: Relations, foreseen: [UInt32: LockMode]) -> [StepTrace.Lock] {
        modes.compactMap { id, modes -> StepTrace.Lock? in
            let new = modes.subtracting(earlier.modes[id] ?? [])
            guard let mode = new.max(), let table = before.table(id) else { return nil }
            return StepTrace.Lock(table: table, mode: mode, isForeseen: (foreseen[id] ?? .accessShare) >= mode)
        }
        .sorted { $0.table.description < $1.table.description }
    }
}
