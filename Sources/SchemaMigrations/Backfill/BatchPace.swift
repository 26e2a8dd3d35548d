/// How many pages, or rows, the next batch takes: sized by time, so that it suits small and large rows alike.
struct BatchPace {
    var target: Duration
    let maximum: Int64
    private(set) var pages: Int64 = 64

    /// Where the server is busy, a statement takes long however few pages it has: smaller batches would only be more.
    private static let leastByTime: Int64 = 16

    init(target: Duration, maximum: Int64) {
        self.target = target
        self.maximum = max(1, maximum)
        pages = min(pages, self.maximum)
    }

    /// As many rows as a walk by key takes for them.
    var rows: Int64 { pages * Self.rowsPerPage }

    /// About as many as fit into a page of ordinary rows.
    private static let rowsPerPage: Int64 = 50

    /// Grows by at most a half, and shrinks to what would have met the target.
    mutating func book(_ duration: Duration) {
        let ratio = target / max(duration, .microseconds(100))
        let wanted = Int64((Double(pages) * min(1.5, max(0.1, ratio))).rounded(.up))
        pages = min(maximum, max(ratio < 1 ? min(pages, Self.leastByTime) : 1, wanted))
    }

    /// After a conflict: fewer rows meet fewer others.
    mutating func shrink() {
        pages = max(1, pages / 4)
    }
}
