import Postgres

/// How large a table is now, for estimates.
public struct TableSize: Sendable, Hashable {
    /// The table with its indexes, in bytes.
    public let bytes: Int64
    /// How many rows the server believes it has; nil where it was never counted.
    public let estimatedRows: Int64?

    /// Creates a value.
    public init(bytes: Int64, estimatedRows: Int64?) {
        self.bytes = bytes
        self.estimatedRows = estimatedRows
    }
}

extension Migrator {
    /// Looks up tables in a read-only transaction.
    ///
    /// Where somebody keeps a table locked so that it cannot be measured, the size is that of its last vacuum.
    ///
    /// - Returns: The sizes of those that exist; a name without a schema is found by the role's search path.
    /// - Throws: `PostgresError`.
    public func sizes(of tables: Set<QualifiedName>) async throws -> [QualifiedName: TableSize] {
        guard !tables.isEmpty else { return [:] }
        return try await PostgresConnection.withConnection(to: configuration) { connection in
            do {
                return try await sizes(of: tables, as: "pg_total_relation_size(c.oid)", connection)
            } catch let error as PostgresError where error.sqlState == .lockNotAvailable {
                let pages = "c.relpages::bigint * current_setting('block_size')::bigint"
                return try await sizes(of: tables, as: pages, connection)
            }
        }
    }

    private func sizes(
        of tables: Set<QualifiedName>,
        as size: String,
        _ connection: PostgresConnection
    ) async throws -> [QualifiedName: TableSize] {
        let names = Dictionary(tables.map { ($0.sql, $0) }, uniquingKeysWith: { first, _ in first })
        return try await connection.withTransaction(.readOnly) { connection in
            try await connection.execute(script: "SET LOCAL lock_timeout = '1s'")
            let rows = try await connection.query(
                """
                SELECT n.name, \(unsafeSQL: size) AS bytes, CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END AS rows
                FROM unnest(\(Array(names.keys))) AS n (name) JOIN pg_class AS c ON c.oid = to_regclass(n.name)
                """
            )
            var sizes: [QualifiedName: TableSize] = [:]
            for row in rows {
                let (text, bytes, count) = try row.decode(String.self, Int64.self, Int64?.self)
                if let name = names[text] { sizes[name] = TableSize(bytes: bytes, estimatedRows: count) }
            }
            return sizes
        }
    }
}
