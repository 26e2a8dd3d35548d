public import Foundation
import Glibc

/// A `timestamptz`: microseconds, exactly as the server keeps them, and its two infinities.
///
/// `Foundation.Date` also conforms; it holds microseconds exactly only between the years 1729 and 2272.
public struct PostgresTimestamp: Sendable, Hashable, Comparable {
    /// Microseconds since 2000-01-01 00:00 UTC, PostgreSQL's epoch; the extreme values are the infinities.
    public let microsecondsSince2000: Int64

    /// Later than every other.
    public static let infinity = PostgresTimestamp(microsecondsSince2000: .max)
    /// Earlier than every other.
    public static let negativeInfinity = PostgresTimestamp(microsecondsSince2000: .min)

    private static let epochOffset: Int64 = 946_684_800_000_000

    /// Wraps the server's number.
    public init(microsecondsSince2000: Int64) {
        self.microsecondsSince2000 = microsecondsSince2000
    }

    /// From microseconds since 1970-01-01 00:00 UTC; nil when PostgreSQL's number would overflow.
    public init?(microsecondsSince1970 microseconds: Int64) {
        let (value, overflow) = microseconds.subtractingReportingOverflow(Self.epochOffset)
        guard !overflow, value != .min else { return nil }
        microsecondsSince2000 = value
    }

    /// The present time by this machine's clock.
    public static var now: PostgresTimestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        let microseconds = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
        return PostgresTimestamp(microsecondsSince1970: microseconds) ?? .infinity
    }

    /// Whether it is one of the infinities.
    public var isInfinite: Bool { self == .infinity || self == .negativeInfinity }

    /// Microseconds since 1970-01-01 00:00 UTC; nil for the infinities and beyond 64 bits.
    public var microsecondsSince1970: Int64? {
        let (value, overflow) = microsecondsSince2000.addingReportingOverflow(Self.epochOffset)
        return isInfinite || overflow ? nil : value
    }

    /// Orders by time.
    public static func < (left: PostgresTimestamp, right: PostgresTimestamp) -> Bool {
        left.microsecondsSince2000 < right.microsecondsSince2000
    }
}

extension PostgresTimestamp: PostgresCodable {
    /// `timestamptz`.
    public static var postgresType: PostgresType { .timestamptz }
    /// `timestamptz[]`.
    public static var postgresArrayType: PostgresType { .timestamptzArray }
    /// Appends the microseconds.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(microsecondsSince2000) }
    /// True for `timestamptz`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .timestamptz }
    /// Reads the microseconds.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresTimestamp {
        try bytes.expect(byteCount: 8, for: "timestamptz")
        return PostgresTimestamp(microsecondsSince2000: bytes.bigEndian())
    }
}

extension Date: PostgresCodable {
    /// `timestamptz`.
    public static var postgresType: PostgresType { .timestamptz }
    /// `timestamptz[]`.
    public static var postgresArrayType: PostgresType { .timestamptzArray }

    /// Appends the time, rounded to the nearest microsecond.
    ///
    /// - Throws: `encodingFailed` for a time beyond PostgreSQL's range.
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        guard let microseconds = microsecondsSince2000 else {
            throw PostgresError(.encodingFailed, "the date is out of timestamptz's range", nothingWasSent: true)
        }
        PostgresTimestamp(microsecondsSince2000: microseconds).encode(to: &encoder)
    }

    /// From 2000, PostgreSQL's epoch, to 2001, the one by which a date keeps its seconds: any other would round twice.
    private static let referenceOffset: Int64 = 31_622_400_000_000

    private var microsecondsSince2000: Int64? {
        let seconds = timeIntervalSinceReferenceDate
        let whole = seconds.rounded(.down)
        // Apart from the whole seconds, which are exact, the fraction is multiplied without loss.
        guard let exact = Int64(exactly: whole),
            let fraction = Int64(exactly: ((seconds - whole) * 1_000_000).rounded())
        else { return nil }
        let (scaled, overflow) = exact.multipliedReportingOverflow(by: 1_000_000)
        let (sum, isTooLarge) = scaled.addingReportingOverflow(Self.referenceOffset + fraction)
        // The extreme values are the infinities.
        return overflow || isTooLarge || sum == .max || sum == .min ? nil : sum
    }

    /// True for `timestamptz`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .timestamptz }

    /// Reads the time; the infinities do not fit a date and throw.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Date {
        let time = try PostgresTimestamp.decode(bytes, type: type)
        let (microseconds, overflow) = time.microsecondsSince2000.subtractingReportingOverflow(referenceOffset)
        guard !time.isInfinite, !overflow else {
            throw PostgresError(.decodingFailed, "an infinite time does not fit Date; read a PostgresTimestamp")
        }
        return Date(timeIntervalSinceReferenceDate: Double(microseconds) / 1_000_000)
    }
}
