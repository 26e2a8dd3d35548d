import Postgres

/// The bookkeeping tables and every statement that touches them.
///
/// Names are always qualified, so that no `search_path` can lead elsewhere; texts made here are not kept prepared.
struct HistoryStore: Sendable {
    let schema: String
    let history: String
    let control: String
    let request: String
    let attempt: String
    let backfill: String

    init(schema: String) {
        self.schema = schema
        let prefix = PostgresQuery.quote(identifier: schema)
        history = "\(prefix).migrate_history"
        control = "\(prefix).migrate_control"
        request = "\(prefix).migrate_request"
        attempt = "\(prefix).migrate_attempt"
        backfill = "\(prefix).migrate_backfill"
    }

    /// Reads the whole history; a database without the tables has none.
    ///
    /// Writes nothing and takes no lock that anybody would wait for, so a reader or a standby can be asked.
    func read(_ connection: PostgresConnection) async throws -> MigrationHistory {
        guard try await exists(connection) else { return MigrationHistory() }
        let isInitialRun = try await checkControl(connection)
        let rows = try await connection.query(
            once(
                """
                SELECT version, migration_name, phase, step, step_count, step_name, kind, checksum_algorithm, checksum,
                    outcome, started_at, finished_at, duration_ms, rows, requires_release
                FROM \(unsafeSQL: history) ORDER BY version, step
                """
            )
        )
        return MigrationHistory(try rows.decode(HistoryRecord.self), isInitialRunUnfinished: isInitialRun)
    }

    /// Reads the whole history in a read-only transaction of its own.
    func readAlone(_ connection: PostgresConnection) async throws -> MigrationHistory {
        try await connection.withTransaction(.readOnly) { connection in
            try await read(connection)
        }
    }

    /// Makes the tables where they are missing.
    ///
    /// Only under the lock: `IF NOT EXISTS` is not safe against itself.
    func create(_ connection: PostgresConnection) async throws {
        guard try await !exists(connection) else {
            _ = try await checkControl(connection)
            return
        }
        try await connection.withTransaction { connection in
            let known = try await connection.query(once("SELECT to_regnamespace(\(quotedSchema)) IS NOT NULL"))
            // Looked up first: IF NOT EXISTS needs the privilege to create even when nothing is created.
            if try !known.one().decode(Bool.self) {
                try await connection.execute(script: "CREATE SCHEMA \(quotedSchema)")
            }
            try await connection.execute(script: tables)
            try await connection.query(
                once(
                    """
                    INSERT INTO \(unsafeSQL: control) (format, token, initial_run)
                    VALUES (\(Self.format), \(Int64(0)), true)
                    """
                )
            )
        }
    }

    /// A query whose text is used once in a run: preparing it would cost a round trip.
    func once(_ query: PostgresQuery) -> PostgresQuery {
        var query = query
        query.isCacheable = false
        return query
    }

    private var quotedSchema: String { PostgresQuery.quote(identifier: schema) }

    func exists(_ connection: PostgresConnection) async throws -> Bool {
        let rows = try await connection.query(once("SELECT to_regclass(\(control)) IS NOT NULL"))
        return try rows.one().decode(Bool.self)
    }

    /// Checks the layout of the tables; returns whether the run that found the database empty is unfinished.
    func checkControl(_ connection: PostgresConnection) async throws -> Bool {
        let rows = try await connection.query(once("SELECT format, initial_run FROM \(unsafeSQL: control)"))
        guard let (format, isInitialRun) = try rows.zeroOrOne()?.decode(Int32.self, Bool.self) else {
            throw MigrationError(
                .bookkeepingUnreadable,
                "\(control) has lost its only line",
                hint: "restore it: INSERT INTO \(control) (format, token, initial_run) VALUES (\(Self.format), "
                    + "(SELECT coalesce(max(token), 0) FROM \(history)), false)",
                exitCode: .needsHuman
            )
        }
        guard format == Self.format else {
            throw MigrationError(
                .bookkeepingUnreadable,
                "the bookkeeping in schema \(schema) has format \(format); this program knows format \(Self.format)",
                hint: format > Self.format
                    ? "use the program version that wrote it, or a newer one"
                    : "it was written by a program before the first release: drop the tables migrate_* of this "
                        + "schema, and record again what is applied with \"migrate baseline\"",
                exitCode: format > Self.format ? .ahead : .needsHuman
            )
        }
        return isInitialRun
    }
}
