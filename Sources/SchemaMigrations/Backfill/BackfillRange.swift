/// A part of one table that batches walk.
struct BackfillRange: Sendable, Hashable, Codable {
    let relation: UInt32
    let storage: UInt32
    let span: BackfillSpan
}

/// Which rows of a table: those of some pages, or those whose keys lie between two others.
package enum BackfillSpan: Sendable, Hashable, Codable {
    /// From the first page up to, but not including, the second.
    case pages(from: Int64, to: Int64)
    /// The keys behind the first up to and including the second, as the server writes them; nil is the beginning or
    /// the end of the table.
    case keys(after: [String]?, through: [String]?)

    /// The same beginning, with another end.
    func joined(with next: BackfillSpan) -> BackfillSpan? {
        switch (self, next) {
        case (.pages(let from, let to), .pages(_, let end)): .pages(from: from, to: max(to, end))
        case (.keys(let after, _), .keys(_, let through)): .keys(after: after, through: through)
        default: nil
        }
    }

    /// Whether `next` begins where this ends.
    func isFollowed(by next: BackfillSpan) -> Bool {
        switch (self, next) {
        case (.pages(_, let end), .pages(let start, _)): end == start
        case (.keys(_, let end), .keys(let start, _)): end != nil && end == start
        default: false
        }
    }

    /// What is left of it behind a part that began where it begins; nil when nothing is.
    func rest(behind done: BackfillSpan) -> BackfillSpan? {
        switch (self, done) {
        case (.pages(_, let end), .pages(_, let page)): page < end ? .pages(from: page, to: end) : nil
        case (.keys(_, let end), .keys(_, let key)): key == nil || key == end ? nil : .keys(after: key, through: end)
        default: nil
        }
    }
}

/// A column of the key that a table is walked by.
package struct BackfillKeyColumn: Sendable, Hashable {
    /// Its name.
    package let name: String
    /// Its type, as SQL spells it.
    package let type: String

    /// Creates a column.
    package init(name: String, type: String) {
        self.name = name
        self.type = type
    }
}

/// The parts in which rows were passed over because others had them locked.
struct SkippedRanges: Sendable, Hashable {
    private(set) var ranges: [BackfillRange] = []

    /// Beyond this, ranges are joined: the cursor is written with each batch and must stay small.
    private static let limit = 128

    /// Adds a range; the last one grows instead where the new one follows it, or where there are too many.
    mutating func add(_ range: BackfillRange) {
        if let last = ranges.last, last.relation == range.relation, last.storage == range.storage,
            last.span.isFollowed(by: range.span) || ranges.count >= Self.limit,
            let span = last.span.joined(with: range.span)
        {
            ranges[ranges.count - 1] = BackfillRange(relation: range.relation, storage: range.storage, span: span)
        } else {
            ranges.append(range)
        }
    }

    /// The first range is done from its beginning up to the end of `span`.
    mutating func finish(_ span: BackfillSpan) {
        guard let first = ranges.first else { return }
        if let rest = first.span.rest(behind: span) {
            ranges[0] = BackfillRange(relation: first.relation, storage: first.storage, span: rest)
        } else {
            ranges.removeFirst()
        }
    }

    init(_ ranges: [BackfillRange] = []) {
        self.ranges = ranges
    }
}
