/// A moment as the database stores it: microseconds since 1970-01-01 00:00 UTC, exactly.
public struct MigrationTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Microseconds since 1970-01-01 00:00 UTC; negative before.
    public let microseconds: Int64

    /// Creates a moment.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Orders earlier before later.
    public static func < (left: MigrationTime, right: MigrationTime) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The moment in ISO 8601, UTC, with six digits of the second's fraction: `2026-03-01T09:30:00.000000Z`.
    public var description: String {
        let (day, timeOfDay) = Self.divide(microseconds, by: 86_400_000_000)
        let (year, month, dayOfMonth) = Self.date(ofDay: day)
        let (second, fraction) = Self.divide(timeOfDay, by: 1_000_000)
        let date = "\(Self.pad(year, 4))-\(Self.pad(month, 2))-\(Self.pad(dayOfMonth, 2))"
        let time = "\(Self.pad(second / 3600, 2)):\(Self.pad(second / 60 % 60, 2)):\(Self.pad(second % 60, 2))"
        return "\(date)T\(time).\(Self.pad(fraction, 6))Z"
    }

    /// Reads the form of ``description``; `nil` for anything else.
    public init?(_ text: String) {
        let fields = text.split(omittingEmptySubsequences: false) { "-T:.Z".contains($0) }
        let numbers = fields.dropLast().compactMap { Int64($0) }
        guard fields.count == 8, fields[7].isEmpty, numbers.count == 7 else { return nil }
        let limits: [ClosedRange<Int64>] = [0...9999, 1...12, 1...31, 0...23, 0...59, 0...59, 0...999_999]
        guard zip(limits, numbers).allSatisfy({ $0.contains($1) }) else { return nil }
        let day = Self.day(year: numbers[0], month: numbers[1], day: numbers[2])
        let seconds = day * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5]
        self.init(microseconds: seconds * 1_000_000 + numbers[6])
        guard description == text else { return nil }
    }

    private static func divide(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func pad(_ number: Int64, _ width: Int) -> String {
        let digits = String(number.magnitude)
        let zeros = String(repeating: "0", count: max(0, width - digits.count))
        return (number < 0 ? "-" : "") + zeros + digits
    }

    /// The Gregorian date of a day, counted from 1970-01-01, reckoned in eras of 400 years that begin in March.
    private static func date(ofDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = divide(day + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func day(year: Int64, month: Int64, day: Int64) -> Int64 {
        let (era, yearOfEra) = divide(month <= 2 ? year - 1 : year, by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
