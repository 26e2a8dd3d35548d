import Postgres

/// One table that a backfill walks, as the catalog has it now: page by page, or by a key where that is not possible.
///
/// Pages are walked where the table has some of its own and its access method can scan a range of them. All others, such
/// as views and foreign tables, are walked in the order of their primary key, or of the columns that the directive names.
struct BackfillTable: Sendable, Hashable {
    let relation: UInt32
    /// The table's file: another one after a rewrite, when page numbers mean other rows; 0 where no pages are walked.
    let storage: UInt32
    /// How many pages it has, or about how many rows where it is walked by key.
    let size: Int64
    /// The name to write to; nil where the step's own text names the table.
    let partition: QualifiedName?
    /// The columns to walk by; none where pages are walked.
    var key: [BackfillKeyColumn] = []

    /// A partitioned table without partitions.
    static let none = BackfillTable(relation: 0, storage: 0, size: 0, partition: nil)

    /// The table, or the partitions that hold a partitioned one's rows, in the order in which they are walked.
    ///
    /// - Throws: ``MigrationError`` of code `invalidBackfill` when there is no such table, or nothing to walk it by.
    static func look(
        up statement: BackfillStatement,
        _ store: HistoryStore,
        _ connection: PostgresConnection
    ) async throws -> [BackfillTable] {
        let name = statement.relation
        let rows = try await connection.query(store.once(query(name, statement.key)))
        if rows.isEmpty, try await !isThere(name, store, connection) {
            throw MigrationError(.invalidBackfill, "the backfill's table \(name) does not exist")
        }
        return try rows.map { try table($0, statement) }
    }

    private static func query(_ name: QualifiedName, _ key: [String]) -> PostgresQuery {
        """
        SELECT c.oid, c.relkind::text, CASE WHEN m.amname = 'heap' THEN pg_relation_filenode(c.oid) END,
            coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::int8,
            greatest(c.reltuples, 0)::int8, n.nspname::text, c.relname::text, c.oid <> root.oid,
            coalesce(key.names, '{}'), coalesce(key.types, '{}')
        FROM (SELECT to_regclass(\(name.sql))::oid AS oid) AS root
        JOIN pg_class AS named ON named.oid = root.oid
        JOIN LATERAL (
            SELECT relid::oid AS oid FROM pg_partition_tree(root.oid) WHERE isleaf AND named.relkind = 'p'
            UNION SELECT root.oid WHERE named.relkind <> 'p'
        ) AS leaf ON true
        JOIN pg_class AS c ON c.oid = leaf.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        LEFT JOIN pg_am AS m ON m.oid = c.relam
        CROSS JOIN LATERAL (
            SELECT array_agg(a.attname::text ORDER BY k.place) AS names,
                array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY k.place) AS types
            FROM (
                SELECT u.number, u.place FROM pg_index AS i,
                    unnest(i.indkey::int2[]) WITH ORDINALITY AS u (number, place)
                WHERE i.indrelid = c.oid AND i.indisprimary AND u.place <= i.indnkeyatts
                    AND cardinality(\(key)::text[]) = 0
                UNION ALL SELECT b.attnum, u.place FROM unnest(\(key)::text[]) WITH ORDINALITY AS u (name, place)
                JOIN pg_attribute AS b ON b.attrelid = c.oid AND b.attname = u.name AND b.attnum > 0
            ) AS k JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number
        ) AS key
        ORDER BY c.oid
        """
    }

    private static func table(_ row: PostgresRow, _ statement: BackfillStatement) throws -> BackfillTable {
        let kind: String = try row.decode(at: 1)
        let leaf = QualifiedName(schema: try row.decode(at: 5), name: try row.decode(at: 6))
        let isPartition: Bool = try row.decode(at: 7)
        let partition = isPartition ? leaf : nil
        guard ["r", "m", "v", "f"].contains(kind) else { throw notWalked(leaf, kind) }
        if statement.key.isEmpty, let storage: UInt32 = try row.decode(at: 2, as: UInt32?.self) {
            let pages: Int64 = try row.decode(at: 3)
            return BackfillTable(relation: try row.decode(at: 0), storage: storage, size: pages, partition: partition)
        }
        let (names, types): ([String], [String]) = (try row.decode(at: 8), try row.decode(at: 9))
        guard !names.isEmpty, statement.key.isEmpty || names == statement.key else {
            throw withoutKey(leaf, statement)
        }
        return BackfillTable(
            relation: try row.decode(at: 0),
            storage: 0,
            // A walk by key finds its end by itself; nothing to walk is found only by looking.
            size: max(1, try row.decode(at: 4)),
            partition: partition,
            key: zip(names, types).map { BackfillKeyColumn(name: $0, type: $1) }
        )
    }

    private static func isThere(
        _ name: QualifiedName,
        _ store: HistoryStore,
        _ connection: PostgresConnection
    ) async throws -> Bool {
        try await connection.query(store.once("SELECT to_regclass(\(name.sql)) IS NOT NULL")).one().decode(Bool.self)
    }

    private static func notWalked(_ name: QualifiedName, _ kind: String) -> MigrationError {
        MigrationError(
            .invalidBackfill,
            "\(name) is nothing that a backfill walks (kind \"\(kind)\"): it walks tables, partitions and views",
            hint: "write its change as a step of its own"
        )
    }

    private static func withoutKey(_ name: QualifiedName, _ statement: BackfillStatement) -> MigrationError {
        guard !statement.key.isEmpty else {
            return MigrationError(
                .invalidBackfill,
                "\(name) has no pages that could be walked, and no primary key to walk by",
                hint: "name columns without NULL to walk by: -- migrate: backfill table=\(statement.relation) by=id"
            )
        }
        return MigrationError(
            .invalidBackfill,
            "\(name) lacks one of the columns to walk by: \(statement.key.joined(separator: ", "))",
            hint: "mend by=… in the step's directive"
        )
    }
}
