import Postgres

/// Where a backfill is, as stored with each batch.
struct BackfillCursor: Sendable, Hashable {
    let relation: UInt32
    /// The table's file: another one after a rewrite.
    let storage: UInt32
    let pass: Int32
    let nextPage: Int64
    let endPage: Int64
    let rows: Int64
    let batches: Int64

    init(start table: BackfillTable) {
        relation = table.relation
        storage = table.storage
        pass = 1
        nextPage = 0
        endPage = table.pages
        rows = 0
        batches = 0
    }

    private init(_ other: BackfillCursor, table: BackfillTable, pass: Int32, nextPage: Int64, rows: Int64) {
        relation = table.relation
        storage = table.storage
        self.pass = pass
        self.nextPage = nextPage
        endPage = table.pages
        self.rows = other.rows + rows
        batches = other.batches + (nextPage > 0 ? 1 : 0)
    }

    /// The batch up to `page` is done.
    func advanced(to page: Int64, rows: Int64) -> BackfillCursor {
        let table = BackfillTable(relation: relation, storage: storage, pages: endPage)
        return BackfillCursor(self, table: table, pass: pass, nextPage: page, rows: rows)
    }

    /// From the first page again.
    func restarted(on table: BackfillTable) -> BackfillCursor {
        BackfillCursor(self, table: table, pass: pass + 1, nextPage: 0, rows: 0)
    }
}

extension BackfillCursor: PostgresRecord {
    static let columnNames = ["relation", "storage", "pass", "next_page", "end_page", "rows", "batches"]

    init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        relation = try columns.next()
        storage = try columns.next()
        pass = try columns.next()
        nextPage = try columns.next()
        endPage = try columns.next()
        rows = try columns.next()
        batches = try columns.next()
    }
}

/// The table that a backfill walks, as the catalog has it now.
struct BackfillTable: Sendable, Hashable {
    let relation: UInt32
    let storage: UInt32
    let pages: Int64

    /// - Throws: ``MigrationError`` of code `invalidBackfill` when there is no such table, or it is not one that has
    ///   pages of its own.
    static func look(
        up name: QualifiedName,
        _ store: HistoryStore,
        _ connection: PostgresConnection
    ) async throws -> BackfillTable {
        let rows = try await connection.query(
            store.once(
                """
                SELECT oid, pg_relation_filenode(oid), relkind::text,
                    pg_relation_size(oid) / current_setting('block_size')::int8
                FROM pg_class WHERE oid = to_regclass(\(name.sql))
                """
            )
        )
        guard let row = try rows.zeroOrOne() else {
            throw MigrationError(.invalidBackfill, "the backfill's table \(name) does not exist")
        }
        let (relation, storage, kind, pages) = try row.decode(UInt32.self, UInt32?.self, String.self, Int64.self)
        guard let storage, kind == "r" || kind == "m" else {
            throw MigrationError(
                .invalidBackfill,
                "\(name) has no pages of its own (kind \"\(kind)\"); a backfill walks an ordinary table",
                hint: "for a partitioned table write a step for each partition"
            )
        }
        return BackfillTable(relation: relation, storage: storage, pages: pages)
    }
}

extension HistoryStore {
    func cursor(of step: PlannedStep, _ connection: PostgresConnection) async throws -> BackfillCursor? {
        try await connection.query(
            once(
                """
                SELECT relation, storage, pass, next_page, end_page, rows, batches FROM \(unsafeSQL: backfill)
                WHERE version = \(step.migration.version.number) AND step = \(step.ordinal)
                """
            )
        ).zeroOrOne()?.decode(record: BackfillCursor.self)
    }

    /// Stores the cursor in the present transaction, and gives it back.
    func save(
        _ cursor: BackfillCursor,
        of step: PlannedStep,
        _ connection: PostgresConnection
    ) async throws -> BackfillCursor {
        try await connection.query(
            """
            INSERT INTO \(unsafeSQL: backfill) (version, step, relation, storage, pass, next_page, end_page, rows,
                batches, started_at)
            VALUES (\(step.migration.version.number), \(step.ordinal), \(cursor.relation), \(cursor.storage),
                \(cursor.pass), \(cursor.nextPage), \(cursor.endPage), \(cursor.rows), \(cursor.batches),
                clock_timestamp())
            ON CONFLICT (version, step) DO UPDATE SET relation = excluded.relation, storage = excluded.storage,
                pass = excluded.pass, next_page = excluded.next_page, end_page = excluded.end_page,
                rows = excluded.rows, batches = excluded.batches
            """
        )
        return cursor
    }

    func removeCursor(of step: PlannedStep, _ connection: PostgresConnection) async throws {
        try await connection.query(
            once(
                """
                DELETE FROM \(unsafeSQL: backfill)
                WHERE version = \(step.migration.version.number) AND step = \(step.ordinal)
                """
            )
        )
    }
}
