public import Foundation

/// A moment in time with exactly the precision of PostgreSQL's `timestamptz`: a whole number of microseconds.
///
/// `Foundation.Date` counts in `Double` seconds and cannot tell neighbouring microseconds apart far from the year 2001;
/// a `Timestamp` that was written to the database and read back is equal to what was written.
///
/// The range is that of finite `timestamptz` values as far as microseconds since 1970 fit 64 bits: from
/// 4714-11-24 BC to 294247-01-10 AD, some thirty years short of PostgreSQL's own end. The infinities are not moments
/// in time and have no `Timestamp`.
///
/// ```swift
/// let now = Timestamp.now()
/// let parsed = Timestamp("2026-08-21T12:00:00.000001+02:00")
/// ```
public struct Timestamp: Hashable, Sendable {
    /// Microseconds since 1970-01-01T00:00:00Z, without leap seconds; negative before it.
    public let microsecondsSince1970: Int64

    /// The earliest moment: 4714-11-24 BC, midnight UTC, where PostgreSQL's calendar begins.
    public static let min = Timestamp(unchecked: -210_866_803_200_000_000)

    /// The latest moment: 294247-01-10T04:00:54.775807Z, where 64 bits end.
    public static let max = Timestamp(unchecked: .max)

    /// Creates a moment from microseconds since 1970-01-01T00:00:00Z.
    ///
    /// - Throws: ``TimestampError/outOfRange`` for a moment before ``min``.
    public init(microsecondsSince1970: Int64) throws(TimestampError) {
        guard microsecondsSince1970 >= Self.min.microsecondsSince1970 else { throw .outOfRange }
        self.microsecondsSince1970 = microsecondsSince1970
    }

    private init(unchecked microsecondsSince1970: Int64) {
        self.microsecondsSince1970 = microsecondsSince1970
    }

    /// The moment at a number of microseconds that may be the result of any arithmetic.
    init(wide microsecondsSince1970: Int128) throws(TimestampError) {
        guard let exact = Int64(exactly: microsecondsSince1970) else { throw .outOfRange }
        try self.init(microsecondsSince1970: exact)
    }

    /// The present moment by the system's clock, rounded down to a microsecond.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let microseconds = Int128(time.tv_sec) * 1_000_000 + Int128(time.tv_nsec / 1_000)
        // A clock set beyond the range must not bring the process down.
        return (try? Timestamp(wide: microseconds)) ?? (microseconds < 0 ? .min : .max)
    }

    /// The moment a duration later, or earlier when the duration is negative.
    ///
    /// - Parameter duration: The distance; what it has below a microsecond is dropped.
    /// - Returns: The later or earlier moment.
    /// - Throws: ``TimestampError/outOfRange`` when the result is not between ``min`` and ``max``.
    public func advanced(by duration: Duration) throws(TimestampError) -> Timestamp {
        // The parts in `components` would trap on durations that exceed 64 bits of seconds.
        try Timestamp(wide: Int128(microsecondsSince1970) + duration.attoseconds / 1_000_000_000_000)
    }
}

extension Timestamp: Comparable {
    /// Whether the first moment is earlier than the second.
    public static func < (lhs: Timestamp, rhs: Timestamp) -> Bool {
        lhs.microsecondsSince1970 < rhs.microsecondsSince1970
    }
}

extension Timestamp {
    /// Microseconds from 1970, the epoch of a `Timestamp`, to 2001, the epoch of a `Date`.
    private static let dateEpoch: Int64 = 978_307_200_000_000

    /// The microsecond nearest to a date.
    ///
    /// This loses what the date has below a microsecond.
    ///
    /// - Throws: ``TimestampError/outOfRange`` when the date is not between ``min`` and ``max``, infinite or not a
    ///   number.
    public init(_ date: Date) throws(TimestampError) {
        let microseconds = (date.timeIntervalSinceReferenceDate * 1_000_000).rounded()
        guard let exact = Int64(exactly: microseconds) else { throw .outOfRange }
        try self.init(wide: Int128(exact) + Int128(Self.dateEpoch))
    }

    /// The date nearest to this moment.
    ///
    /// Within 130 years of 2001 the date still determines the microsecond, so `Timestamp(timestamp.date)` gives it
    /// back; farther away neighbouring microseconds become the same date.
    public var date: Date {
        // In range: the earliest moment is far from the smallest 64-bit number.
        Date(timeIntervalSinceReferenceDate: Double(microsecondsSince1970 - Self.dateEpoch) / 1_000_000)
    }
}

/// Why something is not a ``Timestamp``.
public enum TimestampError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The moment lies before ``Timestamp/min`` or after ``Timestamp/max``.
    case outOfRange

    /// The text is not an ISO-8601 date and time with an offset from UTC, or names a day or time that does not exist.
    case malformed(String)

    /// A sentence for logs.
    public var description: String {
        switch self {
        case .outOfRange:
            "the time is out of range: \(Timestamp.min) to \(Timestamp.max)"
        case .malformed(let text):
            "'\(text)' is not an existing time such as 2026-08-21T12:00:00.000001Z"
        }
    }
}
