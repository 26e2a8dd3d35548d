import Postgres

/// Where a backfill is, as stored with each batch.
struct BackfillCursor: Sendable, Hashable {
    /// The table, or partition, that is walked.
    private(set) var relation: UInt32
    private(set) var storage: UInt32
    private(set) var pass: Int32
    /// The next page; where a key is walked, how many rows were walked.
    ///
    /// The table is done when it is `endPage`.
    private(set) var nextPage: Int64
    /// The pages that the table had when the pass began; where a key is walked, about how many rows it has.
    private(set) var endPage: Int64
    private(set) var rows: Int64
    private(set) var batches: Int64
    /// What this pass has still to come back to.
    private(set) var skipped: SkippedRanges
    /// The columns that are walked by; none where pages are.
    private(set) var key: [String]
    /// The last key that is done; nil at the beginning.
    private(set) var after: [String]?

    init(start table: BackfillTable) {
        relation = table.relation
        storage = table.storage
        pass = 1
        nextPage = 0
        endPage = table.size
        rows = 0
        batches = 0
        skipped = SkippedRanges()
        key = table.key.map(\.name)
    }

    /// A batch is done, over this span; further shares of it may follow.
    func after(_ batch: BackfillBatch, _ span: BackfillSpan, rows changed: Int64) -> BackfillCursor {
        var next = self
        next.rows += changed
        next.batches += 1
        if case .comingBack = batch.manner {
            next.skipped.finish(span)
            return next
        }
        guard batch.share.isLast else { return next }
        if case .skippingLocked = batch.manner { next.skipped.add(batch.table.range(span)) }
        switch span {
        case .pages(_, let end): next.nextPage = end
        case .keys(_, let through):
            next.after = through
            next.nextPage += batch.limit
            // The number of rows is an estimate: the end is where no key is left.
            next.endPage = through == nil ? next.nextPage : max(endPage, next.nextPage + 1)
        }
        return next
    }

    /// What is left of the present table, of at most so many pages; nil when it is done.
    func span(pages: Int64) -> BackfillSpan? {
        guard nextPage < endPage else { return nil }
        guard key.isEmpty else { return .keys(after: after, through: nil) }
        return .pages(from: nextPage, to: min(endPage, nextPage + pages))
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
        endPage = table.size
        key = table.key.map(\.name)
        after = nil
    }

    /// Whether what it remembers means these tables: none that counts was rewritten, or is walked otherwise now.
    func isValid(on tables: [BackfillTable]) -> Bool {
        let known = Set(tables.map { [$0.relation, $0.storage] })
        return tables.contains { $0.relation == relation && $0.key.map(\.name) == key }
            && known.contains([relation, storage])
            && skipped.ranges.allSatisfy { known.contains([$0.relation, $0.storage]) }
    }
}

extension BackfillCursor: PostgresRecord {
    static let columnNames = [
        "relation", "storage", "pass", "next_page", "end_page", "rows", "batches", "skipped", "key", "after_key",
    ]

    init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        relation = try columns.next()
        storage = try columns.next()
        pass = try columns.next()
        nextPage = try columns.next()
        endPage = try columns.next()
        rows = try columns.next()
        batches = try columns.next()
        skipped = SkippedRanges(try columns.next(as: PostgresJSON<[BackfillRange]>.self).value)
        key = try columns.next()
        after = try columns.next()
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
    /// before: its pages are others now.
    ///
    /// - Returns: What people have asked for meanwhile; nil when nothing was stored.
    @discardableResult
    func save(
        _ cursor: BackfillCursor,
        of step: PlannedStep,
        after range: BackfillRange?,
        _ connection: PostgresConnection
    ) async throws -> RunRequest? {
        let saved = try await connection.query(
            """
            INSERT INTO \(unsafeSQL: backfill) (version, step, relation, storage, pass, next_page, end_page, rows,
                batches, skipped, key, after_key, started_at)
            SELECT \(step.migration.version.number), \(step.ordinal), \(cursor.relation), \(cursor.storage),
                \(cursor.pass), \(cursor.nextPage), \(cursor.endPage), \(cursor.rows), \(cursor.batches),
                \(PostgresJSON(cursor.skipped.ranges)), \(cursor.key), \(cursor.after), clock_timestamp()
            WHERE \(range == nil) OR pg_relation_filenode(\(range?.relation ?? 0)::oid) = \(range?.storage ?? 0)
            ON CONFLICT (version, step) DO UPDATE SET relation = excluded.relation, storage = excluded.storage,
                pass = excluded.pass, next_page = excluded.next_page, end_page = excluded.end_page,
                rows = excluded.rows, batches = excluded.batches, skipped = excluded.skipped,
                key = excluded.key, after_key = excluded.after_key
            RETURNING (SELECT paused_at FROM \(unsafeSQL: request)) AS paused_at,
                (SELECT paused_by FROM \(unsafeSQL: request)) AS paused_by,
                (SELECT batch_target_ms FROM \(unsafeSQL: request)) AS batch_target_ms
            """
        )
        return try saved.first?.decode(record: RunRequest.self)
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
