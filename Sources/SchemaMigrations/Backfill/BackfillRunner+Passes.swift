import Postgres

/// The beginning and the end of a backfill and of its passes.
extension BackfillRunner {
    func begin(_ connection: PostgresConnection) async throws -> BackfillState {
        try await connection.withTransaction { connection in
            try await store.prove(attempt.token, activity: step.label, connection)
            let tables = try await BackfillTable.look(up: statement, store, connection)
            try await refuseMissingKeys(tables, connection)
            let isRestart = if case .restartBackfill = step.beginning { true } else { false }
            if isRestart { try await store.removeCursor(of: step, connection) }
            let timing = StepTiming(durationMilliseconds: 0)
            try await store.record(step, outcome: .intent, timing: timing, attempt, connection)
            let first = tables.first ?? .none
            let known = try await store.cursor(of: step, connection)
            let cursor =
                known.map { $0.isValid(on: tables) ? $0 : $0.restarted(on: first) } ?? BackfillCursor(start: first)
            try await store.save(cursor, of: step, after: nil, connection)
            return BackfillState(
                cursor: cursor,
                tables: tables,
                pace: BatchPace(target: options.batchTarget, maximum: options.batchPages),
                meter: ProgressMeter(rowsBefore: cursor.rows),
                throttle: BackfillThrottle(options, step)
            )
        }
    }

    /// How many rows the condition still finds; nil where that cannot be asked.
    func remaining(_ connection: PostgresConnection) async throws -> Int64? {
        guard let count = statement.remainingCount else { return nil }
        return try await reading(connection) { connection in
            try await connection.query(store.once(PostgresQuery(unsafeSQL: count))).one().decode(Int64.self)
        }
    }

    /// Without the role's own limit: reading a large table takes its time.
    private func reading<Value: Sendable>(
        _ connection: PostgresConnection,
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        var options = TransactionOptions.readOnly
        options.settings["statement_timeout"] = "0"
        return try await connection.withTransaction(options, body)
    }

    func nextPass(_ state: inout BackfillState, _ remaining: Int64, _ connection: PostgresConnection) async throws {
        guard state.cursor.pass < Self.maximumPasses else {
            let sample = try await sample(connection)
            throw MigrationError(
                .backfillNeverEnds,
                "\(step.label) walked \(statement.relation) \(state.cursor.pass) times and \(remaining) rows still need "
                    + "it, for example \(sample)",
                hint: "install a trigger that completes new writes in a step before the backfill, then run again",
                exitCode: .needsHuman
            )
        }
        state.tables = try await BackfillTable.look(up: statement, store, connection)
        try await restart(&state, "\(remaining) rows are left", connection)
    }

    /// Begins the next pass.
    func restart(_ state: inout BackfillState, _ reason: String, _ connection: PostgresConnection) async throws {
        let cursor = state.cursor.restarted(on: state.tables.first ?? .none)
        try await connection.withTransaction { connection in
            try await store.prove(attempt.token, activity: "\(step.label), next pass: \(reason)", connection)
            try await store.save(cursor, of: step, after: nil, connection)
        }
        state.cursor = cursor
        state.round = BackfillRound()
    }

    func finish(_ connection: PostgresConnection, _ timing: StepTiming) async throws {
        do {
            try await connection.withTransaction { connection in
                try await store.prove(attempt.token, activity: step.label, connection)
                try await store.record(step, outcome: .applied, timing: timing, attempt, connection)
                try await store.removeCursor(of: step, connection)
            }
        } catch let error as PostgresError where error.code == .commitOutcomeUnknown {
            throw LostCommit(timing: timing, error: error)
        }
    }

    /// The keys of some rows that the condition still finds.
    private func sample(_ connection: PostgresConnection) async throws -> String {
        let key =
            try await statement.key.isEmpty ? RowKey.of(statement.relation, connection) : RowKey(columns: statement.key)
        guard let query = statement.remaining(key.text(of: statement.reference)) else { return "unknown" }
        return try await reading(connection) { connection in
            try await connection.query(store.once(PostgresQuery(unsafeSQL: query + "\nLIMIT 5")))
                .map { try $0.decode(at: 0, as: String.self) }.joined(separator: "; ")
        }
    }

    /// A walk by key never meets a row whose key is NULL; a primary key has none.
    private func refuseMissingKeys(_ tables: [BackfillTable], _ connection: PostgresConnection) async throws {
        guard !statement.key.isEmpty else { return }
        for table in tables {
            let sql = statement.rowsWithoutKey(of: table)
            let isThere = try await connection.query(store.once(PostgresQuery(unsafeSQL: sql))).one().decode(Bool.self)
            guard isThere else { continue }
            throw MigrationError(
                .invalidBackfill,
                "\(table.partition ?? statement.relation) has rows with NULL in \(statement.key.joined(separator: ", ")): "
                    + "a walk by these columns would never meet them",
                hint: "name columns without NULL in the step's directive"
            )
        }
    }
}
