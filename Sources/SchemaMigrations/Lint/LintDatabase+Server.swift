public import Postgres

extension LintDatabase {
    /// Asks a server for its release and for the size of every table, in a read-only transaction.
    ///
    /// Tables that somebody keeps locked are measured by their last vacuum, and count as in use.
    ///
    /// - Throws: `PostgresError`.
    public static func read(from configuration: PostgresConfiguration) async throws -> LintDatabase {
        try await PostgresConnection.withConnection(to: configuration) { connection in
            do {
                return try await read(
                    bytes: "pg_total_relation_size(c.oid)",
                    isEmpty: "c.relkind <> 'p' AND pg_relation_size(c.oid) = 0",
                    connection
                )
            } catch let error as PostgresError where error.sqlState == .lockNotAvailable {
                let pages = "c.relpages::bigint * current_setting('block_size')::bigint"
                return try await read(bytes: pages, isEmpty: "false", connection)
            }
        }
    }

    private static func read(
        bytes: String,
        isEmpty: String,
        _ connection: PostgresConnection
    ) async throws -> LintDatabase {
        try await connection.withTransaction(.readOnly) { connection in
            try await connection.execute(script: "SET LOCAL lock_timeout = '1s'")
            let version = try await connection.query("SELECT current_setting('server_version_num')::int4 / 10000").one()
            let rows = try await connection.query(
                """
                SELECT n.nspname::text, c.relname::text, coalesce(\(unsafeSQL: bytes), 0), coalesce(\(unsafeSQL: isEmpty), false)
                FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
                """
            )
            var tables: [QualifiedName: Size] = [:]
            for row in rows {
                let (schema, name, bytes, isEmpty) = try row.decode(String.self, String.self, Int64.self, Bool.self)
                tables[QualifiedName(schema: schema, name: name)] = Size(bytes: bytes, isEmpty: isEmpty)
            }
            return LintDatabase(version: Int(try version.decode(at: 0, as: Int32.self)), tables: tables)
        }
    }
}
