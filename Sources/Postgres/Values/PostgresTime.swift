/// A `time`: a time of day without date and time zone, in microseconds; 24:00:00, the end of the day, is one.
public struct PostgresTime: Sendable, Hashable, Comparable {
    /// Microseconds since midnight: 0…86,400,000,000.
    public let microseconds: Int64

    /// The end of the day, in microseconds.
    static let microsecondsInDay: Int64 = 86_400_000_000

    /// From microseconds since midnight; nil outside of 0…86,400,000,000.
    public init?(microseconds: Int64) {
        guard (0...Self.microsecondsInDay).contains(microseconds) else { return nil }
        self.microseconds = microseconds
    }

    /// From parts; nil when one is out of range: hours 0…24, minutes and seconds 0…59, microseconds 0…999,999.
    ///
    /// Hour 24 goes with zeros only.
    public init?(hour: Int, minute: Int, second: Int = 0, microsecond: Int = 0) {
        guard (0...24).contains(hour), (0...59).contains(minute), (0...59).contains(second),
            (0...999_999).contains(microsecond)
        else { return nil }
        self.init(microseconds: Int64(((hour * 60 + minute) * 60 + second) * 1_000_000 + microsecond))
    }

    /// 0…23; 24 at the end of the day.
    public var hour: Int { Int(microseconds / 3_600_000_000) }
    /// 0…59.
    public var minute: Int { Int(microseconds / 60_000_000 % 60) }
    /// 0…59.
    public var second: Int { Int(microseconds / 1_000_000 % 60) }
    /// 0…999,999.
    public var microsecond: Int { Int(microseconds % 1_000_000) }

    /// Orders by time.
    public static func < (left: PostgresTime, right: PostgresTime) -> Bool {
        left.microseconds < right.microseconds
    }
}

extension PostgresTime: LosslessStringConvertible {
    /// From the server's form: `12:34:56.789`; nil when it is none.
    public init?(_ text: String) {
        var scanner = TextScanner(text)
        guard let time = scanner.takeTime(), scanner.isAtEnd else { return nil }
        self = time
    }

    /// The time as the server prints it.
    public var description: String {
        "\(hour.padded(2)):\(minute.padded(2)):\(second.padded(2))"
            + fractionText(microseconds: UInt64(truncatingIfNeeded: microsecond))
    }
}

extension TextScanner {
    /// Takes `12:34:56.789`.
    mutating func takeTime() -> PostgresTime? {
        guard let hour = takeNumber(digits: 2...2), take(":"), let minute = takeNumber(digits: 2...2), take(":"),
            let second = takeNumber(digits: 2...2), let fraction = takeFraction()
        else { return nil }
        return PostgresTime(hour: Int(hour), minute: Int(minute), second: Int(second), microsecond: Int(fraction))
    }
}

extension PostgresTime: PostgresCodable {
    /// `time`.
    public static var postgresType: PostgresType { .time }
    /// `time[]`.
    public static var postgresArrayType: PostgresType { .timeArray }
    /// Appends the microseconds.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(microseconds) }
    /// True for `time`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .time }

    /// Reads the microseconds.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresTime {
        try bytes.expect(byteCount: 8, for: "time")
        guard let time = PostgresTime(microseconds: bytes.bigEndian()) else {
            throw PostgresError(.decodingFailed, "the time is not within a day, 00:00:00…24:00:00")
        }
        return time
    }
}

/// A `timetz`: a time of day with an offset from UTC, which PostgreSQL has for the standard's sake.
///
/// Equal are the same times with the same offsets, as on the server.
public struct PostgresTimeWithTimeZone: Sendable, Hashable {
    /// The time of day where the offset applies.
    public let time: PostgresTime
    /// Seconds that the place is ahead of UTC: −57,599…57,599, positive east of Greenwich.
    public let secondsFromUTC: Int32

    /// From parts; nil when the offset is 16 hours or more.
    public init?(_ time: PostgresTime, secondsFromUTC: Int32) {
        guard (-57_599...57_599).contains(secondsFromUTC) else { return nil }
        self.time = time
        self.secondsFromUTC = secondsFromUTC
    }
}

extension PostgresTimeWithTimeZone: CustomStringConvertible {
    /// The time as the server prints it: `12:34:56+02`, `12:34:56-03:30`.
    public var description: String {
        let parts = [secondsFromUTC / 3600, secondsFromUTC / 60 % 60, secondsFromUTC % 60].map { $0.padded(2) }
        let shown = parts[2] != "00" ? 3 : parts[1] != "00" ? 2 : 1
        return "\(time)\(secondsFromUTC < 0 ? "-" : "+")\(parts.prefix(shown).joined(separator: ":"))"
    }
}

extension PostgresTimeWithTimeZone: PostgresCodable {
    /// `timetz`.
    public static var postgresType: PostgresType { .timetz }
    /// `timetz[]`.
    public static var postgresArrayType: PostgresType { .timetzArray }

    /// Appends the microseconds and the offset, which PostgreSQL counts westwards.
    public func encode(to encoder: inout PostgresEncoder) {
        time.encode(to: &encoder)
        encoder.append(-secondsFromUTC)
    }

    /// True for `timetz`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .timetz }

    /// Reads the microseconds and the offset.
    public static func decode(
        _ bytes: RawSpan,
        type: PostgresType
    ) throws(PostgresError) -> PostgresTimeWithTimeZone {
        try bytes.expect(byteCount: 12, for: "timetz")
        let west = bytes.bigEndian(at: 8, as: Int32.self)
        let time = try PostgresTime.decode(bytes.extracting(0..<8), type: .time)
        guard west != .min, let value = PostgresTimeWithTimeZone(time, secondsFromUTC: -west) else {
            throw PostgresError(.decodingFailed, "the timetz's offset from UTC is 16 hours or more")
        }
        return value
    }
}
