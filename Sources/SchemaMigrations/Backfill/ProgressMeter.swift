/// When to speak of progress, and how fast it goes.
struct ProgressMeter {
    private let start = ContinuousClock.now
    private let rowsBefore: Int64
    private var lastReport: ContinuousClock.Instant?

    init(rowsBefore: Int64) {
        self.rowsBefore = rowsBefore
    }

    /// The progress, at most five times a second and always at the end of a pass.
    mutating func take(_ cursor: BackfillCursor, on tables: [BackfillTable]) -> BackfillProgress? {
        let now = ContinuousClock.now
        let before = tables.lazy.filter { $0.relation < cursor.relation }.reduce(0) { $0 + $1.size }
        let after = tables.lazy.filter { $0.relation > cursor.relation }.reduce(0) { $0 + $1.size }
        let isEnd = cursor.nextPage >= cursor.endPage && after == 0
        if let lastReport, now - lastReport < .milliseconds(200), !isEnd { return nil }
        lastReport = now
        let seconds = (now - start) / .seconds(1)
        return BackfillProgress(
            pagesDone: before + cursor.nextPage,
            pagesTotal: before + cursor.endPage + after,
            rows: cursor.rows,
            batches: cursor.batches,
            rowsPerSecond: seconds > 0 ? Double(cursor.rows - rowsBefore) / seconds : 0
        )
    }
}
