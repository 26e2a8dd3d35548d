/// An `interval`: months, days and microseconds, kept apart because months and days have no fixed length.
///
/// Two intervals are equal when all three parts are; the server's `=` takes a month for 30 days and a day for 24 hours.
public struct PostgresInterval: Sendable, Hashable {
    /// Months; 12 to a year.
    public var months: Int32
    /// Days, of 23 to 25 hours.
    public var days: Int32
    /// Microseconds, which may be more than a day.
    public var microseconds: Int64

    /// From its three parts.
    public init(months: Int32 = 0, days: Int32 = 0, microseconds: Int64 = 0) {
        self.months = months
        self.days = days
        self.microseconds = microseconds
    }

    /// From a duration; nil when it is no whole number of microseconds, or more than 64 bits of them.
    public init?(exactly duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, isTooLarge) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        guard attoseconds % 1_000_000_000_000 == 0, !overflow, !isTooLarge else { return nil }
        self.init(microseconds: sum)
    }

    /// Longer than every other; PostgreSQL 17 and later.
    public static let infinity = PostgresInterval(months: .max, days: .max, microseconds: .max)
    /// Shorter than every other; PostgreSQL 17 and later.
    public static let negativeInfinity = PostgresInterval(months: .min, days: .min, microseconds: .min)

    /// Whether it is one of the infinities.
    public var isInfinite: Bool { self == .infinity || self == .negativeInfinity }

    /// The same length of time; nil when there are months or days, which have no fixed length.
    public var duration: Duration? {
        months == 0 && days == 0 ? .microseconds(microseconds) : nil
    }
}

extension PostgresInterval: LosslessStringConvertible {
    /// From the server's default form: `1 year 2 mons -3 days +04:05:06.789`, `00:00:00`; nil when it is none.
    public init?(_ text: String) {
        switch text {
        case "infinity": self = .infinity
        case "-infinity": self = .negativeInfinity
        default:
            var scanner = TextScanner(text)
            self.init()
            repeat {
                guard scanPart(&scanner) else { return nil }
            } while scanner.take(" ")
            guard scanner.isAtEnd else { return nil }
        }
    }

    /// Takes `-3 days` or `+04:05:06.789`; false when it is neither, or too much.
    private mutating func scanPart(_ scanner: inout TextScanner) -> Bool {
        let isNegative = scanner.take("-")
        if !isNegative { _ = scanner.take("+") }
        guard let magnitude = scanner.takeNumber(digits: 1...10) else { return false }
        let number = isNegative ? -magnitude : magnitude
        guard scanner.take(" ") else { return scanTime(hours: magnitude, isNegative: isNegative, &scanner) }
        switch scanner.takeWord() {
        case "year", "years":
            return Self.add(number * 12, to: &months)
        case "mon", "mons":
            return Self.add(number, to: &months)
        case "day", "days":
            return Self.add(number, to: &days)
        default:
            return false
        }
    }

    private mutating func scanTime(hours: Int64, isNegative: Bool, _ scanner: inout TextScanner) -> Bool {
        guard scanner.take(":"), let minutes = scanner.takeNumber(digits: 2...2), minutes < 60, scanner.take(":"),
            let seconds = scanner.takeNumber(digits: 2...2), seconds < 60, let fraction = scanner.takeFraction()
        else { return false }
        // Ten digits of hours are far from 64 bits of seconds. Added with their signs: the least number has no opposite.
        let sign: Int64 = isNegative ? -1 : 1
        let whole = sign * ((hours * 60 + minutes) * 60 + seconds)
        let (scaled, overflow) = whole.multipliedReportingOverflow(by: 1_000_000)
        return !overflow && Self.add(sign * fraction, to: &microseconds) && Self.add(scaled, to: &microseconds)
    }

    private static func add<Part: FixedWidthInteger>(_ value: Int64, to part: inout Part) -> Bool {
        guard let fitting = Part(exactly: value) else { return false }
        let (sum, overflow) = part.addingReportingOverflow(fitting)
        part = sum
        return !overflow
    }

    /// The interval as the server prints it by default (`IntervalStyle` is `postgres`).
    public var description: String {
        guard !isInfinite else { return self == .infinity ? "infinity" : "-infinity" }
        var parts: [String] = []
        var isAfterNegative = false
        for (value, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] where value != 0 {
            parts.append("\(isAfterNegative && value > 0 ? "+" : "")\(value) \(unit)\(value == 1 ? "" : "s")")
            isAfterNegative = value < 0
        }
        guard microseconds != 0 || parts.isEmpty else { return parts.joined(separator: " ") }
        let sign = microseconds < 0 ? "-" : isAfterNegative ? "+" : ""
        let magnitude = microseconds.magnitude
        let clock = [magnitude / 3_600_000_000, magnitude / 60_000_000 % 60, magnitude / 1_000_000 % 60]
        let fraction = fractionText(microseconds: magnitude % 1_000_000)
        parts.append(sign + clock.map { $0.padded(2) }.joined(separator: ":") + fraction)
        return parts.joined(separator: " ")
    }
}

extension PostgresInterval: PostgresCodable {
    /// `interval`.
    public static var postgresType: PostgresType { .interval }
    /// `interval[]`.
    public static var postgresArrayType: PostgresType { .intervalArray }

    /// Appends microseconds, days and months.
    public func encode(to encoder: inout PostgresEncoder) {
        encoder.append(microseconds)
        encoder.append(days)
        encoder.append(months)
    }

    /// True for `interval`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .interval }

    /// Reads the three parts.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresInterval {
        try bytes.expect(byteCount: 16, for: "interval")
        return PostgresInterval(
            months: bytes.bigEndian(at: 12),
            days: bytes.bigEndian(at: 8),
            microseconds: bytes.bigEndian()
        )
    }
}
