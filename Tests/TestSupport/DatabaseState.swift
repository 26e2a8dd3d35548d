public import Postgres

/// Everything that a migration can change in a database, in a form that two databases can be compared by.
public struct DatabaseState: Sendable, Equatable {
    /// A line for each object of schema `public`, without the engine's bookkeeping tables.
    public let schema: String
    /// For each table the number of its rows and a hash of their contents, in the order of `id`.
    public let rows: [String]
    /// What the bookkeeping says, without times and tokens.
    public let bookkeeping: [String]

    /// Reads the state as the connection sees it.
    ///
    /// - Throws: `PostgresError`.
    public static func read(_ connection: PostgresConnection) async throws -> DatabaseState {
        DatabaseState(
            schema: try await connection.query(PostgresQuery(unsafeSQL: schemaText)).one().decode(at: 0),
            rows: try await readRows(connection),
            bookkeeping: try await readBookkeeping(connection)
        )
    }

    /// Reads the state through a connection of its own.
    ///
    /// - Throws: `PostgresError`.
    public static func read(_ configuration: PostgresConfiguration) async throws -> DatabaseState {
        try await PostgresConnection.withConnection(to: configuration) { try await read($0) }
    }

    private static func readRows(_ connection: PostgresConnection) async throws -> [String] {
        let tables = try await connection.query(
            """
            SELECT relname::text FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT LIKE 'migrate\\_%'
            ORDER BY relname
            """
        )
        var lines: [String] = []
        for table in tables {
            let name: String = try table.decode(at: 0)
            let hash: PostgresQuery = """
                SELECT count(*), coalesce(md5(string_agg(md5(t::text), '' ORDER BY id)), '') FROM \(identifier: name) AS t
                """
            let (count, digest) = try await connection.query(hash).one().decode(Int64.self, String.self)
            lines.append("\(name): \(count) rows, \(digest)")
        }
        return lines
    }

    private static func readBookkeeping(_ connection: PostgresConnection) async throws -> [String] {
        let exists = try await connection.query("SELECT to_regclass('public.migrate_control') IS NOT NULL")
        guard try exists.one().decode(Bool.self) else { return [] }
        let lines = try await connection.query(
            """
            SELECT line FROM (
                SELECT 0 AS version, 0 AS step, format('initial run: %s', initial_run) AS line FROM migrate_control
                UNION ALL
                SELECT version, step, format('%s/%s %s %s %s, %s rows', version, step_name, kind, outcome, checksum,
                    coalesce(rows::text, 'no'))
                FROM migrate_history
                UNION ALL
                SELECT version, step, format('%s/%s: cursor at page %s', version, step, next_page) FROM migrate_backfill
            ) AS lines ORDER BY version, step, line
            """
        )
        return try lines.map { try $0.decode(at: 0) }
    }

    /// Columns count in their order, not by their number: a dropped one leaves a hole that nobody sees.
    private static let schemaText = #"""
        WITH relation AS (
            SELECT oid, relname, relkind, relpersistence, reloptions FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'S', 'p')
                AND relname NOT LIKE 'migrate\_%'
        ), line (text) AS (
            SELECT format('relation %s kind %s%s %s', relname, relkind, relpersistence, reloptions) FROM relation
            UNION ALL
            SELECT format('column %s %s %s %s%s default %s', relname,
                row_number() OVER (PARTITION BY relation.oid ORDER BY attnum), attname,
                format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END,
                pg_get_expr(adbin, adrelid))
            FROM relation JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
            UNION ALL
            SELECT format('enum %s: %s', typname, string_agg(enumlabel, ', ' ORDER BY enumsortorder))
            FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid
            WHERE typnamespace = 'public'::regnamespace GROUP BY typname
            UNION ALL
            SELECT format('constraint %s of %s: %s, validated %s', conname, relname, pg_get_constraintdef(pg_constraint.oid),
                convalidated)
            FROM relation JOIN pg_constraint ON conrelid = relation.oid
            UNION ALL
            SELECT format('index %s, valid %s, ready %s', pg_get_indexdef(indexrelid), indisvalid, indisready)
            FROM relation JOIN pg_index ON indrelid = relation.oid
            UNION ALL
            SELECT format('view %s: %s', relname, pg_get_viewdef(oid)) FROM relation WHERE relkind IN ('v', 'm')
            UNION ALL
            SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND prokind IN ('f', 'p')
            UNION ALL
            SELECT format('trigger %s, enabled %s', pg_get_triggerdef(pg_trigger.oid), tgenabled)
            FROM relation JOIN pg_trigger ON tgrelid = relation.oid WHERE NOT tgisinternal
        )
        SELECT coalesce(string_agg(text, E'\n' ORDER BY text COLLATE "C"), '') FROM line
        """#
}
