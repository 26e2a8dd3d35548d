/// Which rows of its pages a batch takes: all, or one share of several.
///
/// A new version of a row needs an entry in every index, unless it fits into the page of the old one (HOT). Full pages
/// have no room, until rows that were moved away before are pruned. So pages with several rows to change are walked once
/// for each share: what the first has moved away makes room for the others.
struct RowShare: Sendable, Hashable {
    let number: Int
    /// A power of two.
    let count: Int

    static let all = RowShare(number: 0, count: 1)

    var isLast: Bool { number + 1 >= count }

    /// The share behind this one.
    var next: RowShare { RowShare(number: number + 1, count: count) }

    /// The first of as many shares as pay where so many rows of a page change: each is one more look at every page.
    init(rowsPerPage: Double) {
        self.init(number: 0, count: rowsPerPage >= 4 ? 4 : rowsPerPage >= 2 ? 2 : 1)
    }

    private init(number: Int, count: Int) {
        self.number = number
        self.count = count
    }

    /// The condition that holds for these rows, by the hash of their place; nil for all.
    func condition(of reference: String) -> String? {
        count > 1 ? "pg_catalog.hashtid(\(reference).ctid) & \(count - 1) = \(number)" : nil
    }
}

/// The shares of some pages, one batch for each; the cursor moves on behind the last.
struct BackfillRound: Sendable {
    private(set) var share: RowShare
    /// The pages that the shares before have taken; nil before the first.
    private(set) var pages: Int64?
    private var rows: Int64 = 0
    private var longest: Duration = .zero

    init(share: RowShare = .all) {
        self.share = share
    }

    /// Books a batch.
    ///
    /// - Returns: How long the slowest of the round's batches took, if this ended it.
    mutating func book(_ batch: BackfillBatch, rows changed: Int64, took: Duration) -> Duration? {
        guard case .pages(let from, let end) = batch.span else { return took }
        rows += changed
        longest = max(longest, took)
        guard batch.share.isLast else {
            share = batch.share.next
            pages = end - from
            return nil
        }
        defer { self = BackfillRound(share: RowShare(rowsPerPage: Double(rows) / Double(max(1, end - from)))) }
        return longest
    }
}
