public import Postgres
public import VMMModel

extension Timestamp: PostgresEncodable {
    /// `timestamptz`.
    public static var postgresType: PostgresType { .timestamptz }
    /// `timestamptz[]`.
    public static var postgresArrayType: PostgresType { .timestamptzArray }

    /// Appends the microseconds, exactly; each `Timestamp` lies within PostgreSQL's range.
    ///
    /// - Throws: `encodingFailed` should that ever not hold.
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        guard let time = PostgresTimestamp(microsecondsSince1970: microsecondsSince1970) else {
            throw PostgresError(.encodingFailed, "the time is out of timestamptz's range", nothingWasSent: true)
        }
        time.encode(to: &encoder)
    }
}

extension Timestamp: PostgresDecodable {
    /// True for `timestamptz`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .timestamptz }

    /// Reads the microseconds, exactly.
    ///
    /// - Throws: `decodingFailed` for the infinities and for the last thirty years of PostgreSQL's calendar, which have
    ///   no `Timestamp`.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Timestamp {
        let time = try PostgresTimestamp.decode(bytes, type: type)
        guard !time.isInfinite else {
            throw PostgresError(.decodingFailed, "an infinite time is not a moment in time")
        }
        guard let microseconds = time.microsecondsSince1970,
            let timestamp = try? Timestamp(microsecondsSince1970: microseconds)
        else {
            throw PostgresError(.decodingFailed, TimestampError.outOfRange.description)
        }
        return timestamp
    }
}
