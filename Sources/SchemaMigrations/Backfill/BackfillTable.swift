import Postgres

/// One table with pages of its own that a backfill walks, as the catalog has it now.
struct BackfillTable: Sendable, Hashable {
    let relation: UInt32
    /// The table's file: another one after a rewrite, when page numbers mean other rows.
    let storage: UInt32
    let pages: Int64
    /// The name to write to; nil where the step's own text names the table.
    let partition: QualifiedName?

    /// A partitioned table without partitions.
    static let none = BackfillTable(relation: 0, storage: 0, pages: 0, partition: nil)

    /// The table, or the partitions that hold a partitioned one's rows, in the order in which they are walked.
    ///
    /// - Throws: ``MigrationError`` of code `invalidBackfill` when there is no such table, or it has rows elsewhere.
    static func look(
        up name: QualifiedName,
        _ store: HistoryStore,
        _ connection: PostgresConnection
    ) async throws -> [BackfillTable] {
        let rows = try await connection.query(
            store.once(
                """
                SELECT c.oid, pg_relation_filenode(c.oid), c.relkind::text,
                    coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::int8,
                    n.nspname::text, c.relname::text, c.oid <> root.oid
                FROM (SELECT to_regclass(\(name.sql))::oid AS oid) AS root
                JOIN pg_class AS named ON named.oid = root.oid
                JOIN LATERAL (
                    SELECT relid::oid AS oid FROM pg_partition_tree(root.oid) WHERE isleaf AND named.relkind = 'p'
                    UNION SELECT root.oid WHERE named.relkind <> 'p'
                ) AS leaf ON true
                JOIN pg_class AS c ON c.oid = leaf.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
                ORDER BY c.oid
                """
            )
        )
        if rows.isEmpty, try await !isThere(name, store, connection) {
            throw MigrationError(.invalidBackfill, "the backfill's table \(name) does not exist")
        }
        return try rows.map { row in
            let kind: String = try row.decode(at: 2)
            let leaf = QualifiedName(schema: try row.decode(at: 4), name: try row.decode(at: 5))
            guard let storage: UInt32 = try row.decode(at: 1, as: UInt32?.self), kind == "r" || kind == "m" else {
                throw notWalked(leaf, kind)
            }
            let isPartition: Bool = try row.decode(at: 6)
            return BackfillTable(
                relation: try row.decode(at: 0),
                storage: storage,
                pages: try row.decode(at: 3),
                partition: isPartition ? leaf : nil
            )
        }
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
            "\(name) has no pages of its own (kind \"\(kind)\"); a backfill walks tables and the partitions of one",
            hint: "write its change as a step of its own"
        )
    }
}

/// Pages of one table.
struct PageRange: Sendable, Hashable {
    let relation: UInt32
    let storage: UInt32
    let pages: Range<Int64>
}

/// The pages in which rows were passed over because others had them locked.
struct SkippedRanges: Sendable, Hashable {
    private(set) var ranges: [PageRange] = []

    /// Beyond this, ranges are joined: the cursor is written with each batch and must stay small.
    private static let limit = 128

    /// Adds a range; the last one grows instead where the new one follows it, or where there are too many.
    mutating func add(_ range: PageRange) {
        if let last = ranges.last, last.relation == range.relation, last.storage == range.storage,
            last.pages.upperBound == range.pages.lowerBound || ranges.count >= Self.limit
        {
            let pages = last.pages.lowerBound..<max(last.pages.upperBound, range.pages.upperBound)
            ranges[ranges.count - 1] = PageRange(relation: range.relation, storage: range.storage, pages: pages)
        } else {
            ranges.append(range)
        }
    }

    /// The pages from the first range's beginning up to `page` are done.
    mutating func finish(upTo page: Int64) {
        guard let first = ranges.first else { return }
        if page >= first.pages.upperBound {
            ranges.removeFirst()
        } else {
            ranges[0] = PageRange(
                relation: first.relation,
                storage: first.storage,
                pages: page..<first.pages.upperBound
            )
        }
    }

    /// As the bookkeeping stores it: four numbers for each range.
    var numbers: [Int64] {
        ranges.flatMap { [Int64($0.relation), Int64($0.storage), $0.pages.lowerBound, $0.pages.upperBound] }
    }

    init() {}

    /// - Throws: `PostgresError` of code `decodingFailed`.
    init(numbers: [Int64]) throws(PostgresError) {
        var rest = numbers[...]
        while !rest.isEmpty {
            let four = Array(rest.prefix(4))
            rest = rest.dropFirst(4)
            guard four.count == 4, let relation = UInt32(exactly: four[0]), let storage = UInt32(exactly: four[1]),
                four[2] >= 0, four[2] <= four[3]
            else {
                throw PostgresError(.decodingFailed, "the bookkeeping of a backfill holds ranges that are none")
            }
            ranges.append(PageRange(relation: relation, storage: storage, pages: four[2]..<four[3]))
        }
    }
}
