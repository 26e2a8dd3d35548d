import Postgres

/// Where a backfill is, as stored with each batch.
struct BackfillCursor: Sendable, Hashable {
    /// The table, or partition, that is walked.
    private(set) var relation: UInt32
    private(set) var storage: UInt32
    private(set) var pass: Int32
    private(set) var nextPage: Int64
    private(set) var endPage: Int64
    private(set) var rows: Int64
    private(set) var batches: Int64
    /// What this pass has still to come back to.
    private(set) var skipped: SkippedRanges

    init(start table: BackfillTable) {
        relation = table.relation
        storage = table.storage
        pass = 1
        nextPage = 0
        endPage = table.pages
        rows = 0
        batches = 0
        skipped = SkippedRanges()
    }

    /// A batch is done.
    func after(_ batch: BackfillBatch, rows changed: Int64) -> BackfillCursor {
        var next = self
        next.rows += changed
        next.batches += 1
        switch batch.manner {
        case .atOnce: next.nextPage = batch.range.pages.upperBound
        case .skippingLocked:
            next.nextPage = batch.range.pages.upperBound
            next.skipped.add(batch.range)
        case .comingBack: next.skipped.finish(upTo: batch.range.pages.upperBound)
        }
        return next
    }

    /// On to the next table of the same pass.
    func moved(to table: BackfillTable) -> BackfillCursor {
        var next = self
        next.begin(table)
        return next
    }

    /// From the first page again.
    func restarted(on table: BackfillTable) -> BackfillCursor {
        var next = self
        next.begin(table)
        next.pass += 1
        next.skipped = SkippedRanges()
        return next
    }

    private mutating func begin(_ table: BackfillTable) {
        relation = table.relation
        storage = table.storage
        nextPage = 0
        endPage = table.pages
    }

    /// Whether its page numbers mean these tables' pages: none of those that count was rewritten.
    func isValid(on tables: [BackfillTable]) -> Bool {
        let known = Set(tables.map { [$0.relation, $0.storage] })
        return known.contains([relation, storage])
            && skipped.ranges.allSatisfy { known.contains([$0.relation, $0.storage]) }
    }
}

extension BackfillCursor: PostgresRecord {
    static let columnNames = ["relation", "storage", "pass", "next_page", "end_page", "rows", "batches", "skipped"]

    init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        relation = try columns.next()
        storage = try columns.next()
        pass = try columns.next()
        nextPage = try columns.next()
        endPage = try columns.next()
        rows = try columns.next()
        batches = try columns.next()
        skipped = try SkippedRanges(numbers: try columns.next())
    }
}

extension HistoryStore {
    func cursor(of step: PlannedStep, _ connection: PostgresConnection) async throws -> BackfillCursor? {
        try await connection.query(
            once(
                """
                SELECT \(unsafeSQL: BackfillCursor.columnNames.joined(separator: ", ")) FROM \(unsafeSQL: backfill)
                WHERE version = \(step.migration.version.number) AND step = \(step.ordinal)
                """
            )
        ).zeroOrOne()?.decode(record: BackfillCursor.self)
    }

    /// Stores the cursor in the present transaction.
    ///
    /// With `range`, the pages that the transaction has worked on, nothing is stored when their table was rewritten
    /// before: its pages are others now. Says whether it was stored.
    func save(
        _ cursor: BackfillCursor,
        of step: PlannedStep,
        after range: PageRange?,
        _ connection: PostgresConnection
    ) async throws -> Bool {
        let saved = try await connection.query(
            """
            INSERT INTO \(unsafeSQL: backfill) (version, step, relation, storage, pass, next_page, end_page, rows,
                batches, skipped, started_at)
            SELECT \(step.migration.version.number), \(step.ordinal), \(cursor.relation), \(cursor.storage),
                \(cursor.pass), \(cursor.nextPage), \(cursor.endPage), \(cursor.rows), \(cursor.batches),
                \(cursor.skipped.numbers), clock_timestamp()
            WHERE \(range == nil) OR pg_relation_filenode(\(range?.relation ?? 0)::oid) = \(range?.storage ?? 0)
            ON CONFLICT (version, step) DO UPDATE SET relation = excluded.relation, storage = excluded.storage,
                pass = excluded.pass, next_page = excluded.next_page, end_page = excluded.end_page,
                rows = excluded.rows, batches = excluded.batches, skipped = excluded.skipped
            """
        )
        return saved.commandTag.rowCount == 1
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
