/// A `date`: a day of the Gregorian calendar, without time and time zone, and two infinities.
///
/// ```swift
/// let day = PostgresDate(year: 2024, month: 2, day: 29)
/// let due = PostgresDate("2024-03-01")
/// ```
/// The server holds 4714-11-24 BC…5874897-12-31; it refuses other days with SQLSTATE 22008.
public struct PostgresDate: Sendable, Hashable, Comparable {
    /// Days since 2000-01-01; the extreme values are the infinities.
    public let daysSince2000: Int32

    /// Later than every other.
    public static let infinity = PostgresDate(daysSince2000: .max)
    /// Earlier than every other.
    public static let negativeInfinity = PostgresDate(daysSince2000: .min)

    /// Wraps the server's number.
    public init(daysSince2000: Int32) {
        self.daysSince2000 = daysSince2000
    }

    /// From parts; nil when there is no such day, or beyond 32 bits of days.
    ///
    /// - Parameters:
    ///   - year: counted as astronomers do: 0 is 1 BC, -1 is 2 BC.
    ///   - month: 1…12.
    ///   - day: 1…31.
    public init?(year: Int, month: Int, day: Int) {
        // Wide of the type's range, and far from overflow below.
        guard year.magnitude < 10_000_000, (1...12).contains(month), (1...31).contains(day),
            let days = Int32(exactly: Self.days(year: year, month: month, day: day))
        else { return nil }
        self.init(daysSince2000: days)
        guard !isInfinite, let parts, parts == (year, month, day) else { return nil }
    }

    /// Whether it is one of the infinities.
    public var isInfinite: Bool { self == .infinity || self == .negativeInfinity }

    /// Year (0 is 1 BC, -1 is 2 BC), month and day; nil for the infinities.
    public var parts: (year: Int, month: Int, day: Int)? {
        guard !isInfinite else { return nil }
        // Counted from 1 March of the year 0: leap days come last in their years.
        let days = Int(daysSince2000) + Self.daysFromMarch0To2000
        let era = (days - (days < 0 ? Self.daysInEra - 1 : 0)) / Self.daysInEra
        let dayOfEra = days - era * Self.daysInEra
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        return (era * 400 + yearOfEra + (month < 10 ? 0 : 1), month < 10 ? month + 3 : month - 9, day)
    }

    /// The calendar repeats after 400 years.
    private static let daysInEra = 146_097
    private static let daysFromMarch0To2000 = 730_425

    private static func days(year: Int, month: Int, day: Int) -> Int {
        let marchYear = month > 2 ? year : year - 1
        let era = (marchYear - (marchYear < 0 ? 399 : 0)) / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * daysInEra + dayOfEra - daysFromMarch0To2000
    }

    /// Orders by time.
    public static func < (left: PostgresDate, right: PostgresDate) -> Bool {
        left.daysSince2000 < right.daysSince2000
    }
}

extension PostgresDate: LosslessStringConvertible {
    /// From the server's ISO form: `2024-02-29`, `0044-03-15 BC`, `infinity`; nil when it is none.
    public init?(_ text: String) {
        switch text {
        case "infinity": self = .infinity
        case "-infinity": self = .negativeInfinity
        default:
            var scanner = TextScanner(text)
            guard let numbers = scanner.takeDate(), let date = PostgresDate(numbers, isBC: scanner.take(" BC")),
                scanner.isAtEnd
            else { return nil }
            self = date
        }
    }

    /// From the numbers as they are written, where years before 1 count backwards from 1 BC.
    init?(_ numbers: (year: Int, month: Int, day: Int), isBC: Bool) {
        guard numbers.year > 0 else { return nil }
        self.init(year: isBC ? 1 - numbers.year : numbers.year, month: numbers.month, day: numbers.day)
    }

    /// The date in the server's ISO form.
    public var description: String {
        guard let parts else { return self == .infinity ? "infinity" : "-infinity" }
        return dayText + (parts.year > 0 ? "" : " BC")
    }

    /// The date without the mark of years before 1.
    var dayText: String {
        guard let parts else { return description }
        let year = parts.year > 0 ? parts.year : 1 - parts.year
        return "\(year.padded(4))-\(parts.month.padded(2))-\(parts.day.padded(2))"
    }
}

extension TextScanner {
    /// Takes `2024-02-29`, without looking at what the numbers mean.
    mutating func takeDate() -> (year: Int, month: Int, day: Int)? {
        guard let year = takeNumber(digits: 4...7), take("-"), let month = takeNumber(digits: 2...2), take("-"),
            let day = takeNumber(digits: 2...2)
        else { return nil }
        return (Int(year), Int(month), Int(day))
    }
}

extension PostgresDate: PostgresCodable {
    /// `date`.
    public static var postgresType: PostgresType { .date }
    /// `date[]`.
    public static var postgresArrayType: PostgresType { .dateArray }
    /// Appends the days.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(daysSince2000) }
    /// True for `date`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .date }
    /// Reads the days.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresDate {
        try bytes.expect(byteCount: 4, for: "date")
        return PostgresDate(daysSince2000: bytes.bigEndian())
    }
}
