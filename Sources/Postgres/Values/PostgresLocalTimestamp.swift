/// A `timestamp` (without time zone): a day and a time of day somewhere, in microseconds, and two infinities.
///
/// It is no point in time until a time zone is known; for points in time use ``PostgresTimestamp`` (`timestamptz`).
/// The two are different types here so that neither is taken for the other.
public struct PostgresLocalTimestamp: Sendable, Hashable, Comparable {
    /// Microseconds since 2000-01-01 00:00 of the same place; the extreme values are the infinities.
    public let microsecondsSince2000: Int64

    /// Later than every other.
    public static let infinity = PostgresLocalTimestamp(microsecondsSince2000: .max)
    /// Earlier than every other.
    public static let negativeInfinity = PostgresLocalTimestamp(microsecondsSince2000: .min)

    /// Wraps the server's number.
    public init(microsecondsSince2000: Int64) {
        self.microsecondsSince2000 = microsecondsSince2000
    }

    /// From a day and a time of day; nil for an infinite day, or beyond 64 bits of microseconds (the year 294277).
    public init?(_ date: PostgresDate, _ time: PostgresTime) {
        let (days, overflow) = Int64(date.daysSince2000).multipliedReportingOverflow(by: PostgresTime.microsecondsInDay)
        let (sum, isTooLarge) = days.addingReportingOverflow(time.microseconds)
        guard !date.isInfinite, !overflow, !isTooLarge, sum != .max, sum != .min else { return nil }
        self.init(microsecondsSince2000: sum)
    }

    /// The day and the time of day at Greenwich at a point in time.
    public init(utc time: PostgresTimestamp) {
        self.init(microsecondsSince2000: time.microsecondsSince2000)
    }

    /// Whether it is one of the infinities.
    public var isInfinite: Bool { self == .infinity || self == .negativeInfinity }

    /// The day; infinite when the timestamp is.
    public var date: PostgresDate {
        guard !isInfinite else { return self == .infinity ? .infinity : .negativeInfinity }
        let day = PostgresTime.microsecondsInDay
        let days = microsecondsSince2000 / day - (microsecondsSince2000 % day < 0 ? 1 : 0)
        return PostgresDate(daysSince2000: Int32(clamping: days))
    }

    /// The time of day; nil when the timestamp is infinite.
    public var time: PostgresTime? {
        guard !isInfinite else { return nil }
        let day = PostgresTime.microsecondsInDay
        let rest = microsecondsSince2000 % day
        return PostgresTime(microseconds: rest < 0 ? rest + day : rest)
    }

    /// Orders by time.
    public static func < (left: PostgresLocalTimestamp, right: PostgresLocalTimestamp) -> Bool {
        left.microsecondsSince2000 < right.microsecondsSince2000
    }

    /// Day and time, with a time zone between them and the mark of years before 1.
    func text(zone: String) -> String {
        guard let time else { return date.description }
        let isBC = (date.parts?.year ?? 1) < 1
        return "\(date.dayText) \(time)\(zone)\(isBC ? " BC" : "")"
    }

    /// From day and time, with a time zone between them and the mark of years before 1.
    init?(_ text: String, zone: String) {
        switch text {
        case "infinity": self = .infinity
        case "-infinity": self = .negativeInfinity
        default:
            var scanner = TextScanner(text)
            guard let day = scanner.takeDate(), scanner.take(" "), let time = scanner.takeTime(), scanner.take(zone),
                let date = PostgresDate(day, isBC: scanner.take(" BC")), scanner.isAtEnd
            else { return nil }
            self.init(date, time)
        }
    }
}

extension PostgresLocalTimestamp: LosslessStringConvertible {
    /// From the server's ISO form: `2024-02-29 12:34:56.789`, `0044-03-15 12:00:00 BC`, `infinity`; nil when it is none.
    public init?(_ text: String) {
        self.init(text, zone: "")
    }

    /// The timestamp in the server's ISO form.
    public var description: String { text(zone: "") }
}

extension PostgresTimestamp: LosslessStringConvertible {
    /// From the server's ISO form in UTC: `2024-02-29 12:34:56.789+00`, `infinity`; nil when it is none.
    public init?(_ text: String) {
        guard let time = PostgresLocalTimestamp(text, zone: "+00") else { return nil }
        self.init(utc: time)
    }

    /// The point in time at which a clock at Greenwich shows the day and time.
    public init(utc time: PostgresLocalTimestamp) {
        self.init(microsecondsSince2000: time.microsecondsSince2000)
    }

    /// The time in the server's ISO form, in UTC.
    public var description: String { PostgresLocalTimestamp(utc: self).text(zone: "+00") }
}

extension PostgresLocalTimestamp: PostgresCodable {
    /// `timestamp`.
    public static var postgresType: PostgresType { .timestamp }
    /// `timestamp[]`.
    public static var postgresArrayType: PostgresType { .timestampArray }
    /// Appends the microseconds.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(microsecondsSince2000) }
    /// True for `timestamp`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .timestamp }
    /// Reads the microseconds.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresLocalTimestamp {
        try bytes.expect(byteCount: 8, for: "timestamp")
        return PostgresLocalTimestamp(microsecondsSince2000: bytes.bigEndian())
    }
}
