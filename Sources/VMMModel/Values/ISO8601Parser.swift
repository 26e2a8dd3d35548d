/// Reads a date and time with an offset from UTC, byte by byte.
struct ISO8601Parser {
    /// A moment as read, not yet known to be in a timestamp's range.
    struct Moment {
        /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
        var secondsSince1970: Int64
        /// The rest, from 0 to 999,999.
        var microseconds: Int64
    }

    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = text[...].utf8
    }

    /// The moment, or nil when the text is malformed or names a day or time that does not exist.
    mutating func parse() -> Moment? {
        guard let days = parseDate(), take("T"), let secondOfDay = parseTime(), let microseconds = parseFraction(),
            let offset = parseOffset(), rest.isEmpty
        else { return nil }
        // Years of six digits keep this far from the limits of 64 bits.
        return Moment(secondsSince1970: days * 86_400 + secondOfDay - offset, microseconds: microseconds)
    }

    private mutating func parseDate() -> Int64? {
        guard let year = parseYear(), take("-"), let month = digits(2), take("-"), let day = digits(2),
            let date = CivilDate(year: year, month: month, day: day)
        else { return nil }
        return date.daysSince1970
    }

    /// Four digits, or a sign and six; `-000000` is no year.
    private mutating func parseYear() -> Int64? {
        if take("+") { return digits(6) }
        guard take("-") else { return digits(4) }
        guard let year = digits(6), year > 0 else { return nil }
        return -year
    }

    private mutating func parseTime() -> Int64? {
        guard let hour = digits(2), hour < 24, take(":"), let minute = digits(2), minute < 60, take(":"),
            let second = digits(2), second < 60
        else { return nil }
        return hour * 3_600 + minute * 60 + second
    }

    /// Microseconds: 0 without a fraction; nil for a point without digits.
    private mutating func parseFraction() -> Int64? {
        guard take(".") else { return 0 }
        guard var microseconds = digits(1) else { return nil }
        var count = 1
        while let digit = digits(1) {
            if count < 6 { microseconds = microseconds * 10 + digit }
            count += 1
        }
        for _ in 0..<Swift.max(0, 6 - count) { microseconds *= 10 }
        return microseconds
    }

    /// Seconds east of UTC.
    private mutating func parseOffset() -> Int64? {
        if take("Z") { return 0 }
        let isEast = take("+")
        guard isEast || take("-"), let hours = digits(2), hours < 24 else { return nil }
        var seconds = hours * 3_600
        if !rest.isEmpty {
            _ = take(":")
            guard let minutes = digits(2), minutes < 60 else { return nil }
            seconds += minutes * 60
        }
        return isEast ? seconds : -seconds
    }

    /// Consumes one character if it is next.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let byte = rest.first, UInt32(byte) == character.value else { return false }
        rest.removeFirst()
        return true
    }

    /// Consumes exactly `count` decimal digits, or nothing when there are fewer.
    private mutating func digits(_ count: Int) -> Int64? {
        let head = rest.prefix(count)
        guard head.count == count else { return nil }
        var number: Int64 = 0
        for byte in head {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            number = number * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        rest = rest.dropFirst(count)
        return number
    }
}
