extension Timestamp: LosslessStringConvertible {
    /// The moment in ISO-8601, in UTC, with as many of six fractional digits as it needs.
    ///
    /// Such as `2026-08-21T12:00:00.25Z`. Years before 0 and after 9999 have a sign and six digits, as ISO-8601's
    /// expanded form and ECMAScript write them; the year 0 is 1 BC.
    public var description: String {
        let (seconds, microseconds) = microsecondsSince1970.flooredDivision(by: 1_000_000)
        let (days, secondOfDay) = seconds.flooredDivision(by: 86_400)
        let date = CivilDate(daysSince1970: days)
        let time = [secondOfDay / 3_600, secondOfDay / 60 % 60, secondOfDay % 60].map { $0.padded(to: 2) }
        let year =
            (0...9_999).contains(date.year)
            ? date.year.padded(to: 4) : (date.year < 0 ? "-" : "+") + abs(date.year).padded(to: 6)
        var fraction = microseconds.padded(to: 6)
        while fraction.last == "0" { fraction.removeLast() }
        return "\(year)-\(date.month.padded(to: 2))-\(date.day.padded(to: 2))T\(time.joined(separator: ":"))"
            + (fraction.isEmpty ? "Z" : ".\(fraction)Z")
    }

    /// Parses an ISO-8601 date and time with an offset from UTC; `nil` when ``init(parsing:)`` throws.
    public init?(_ description: String) {
        guard let timestamp = try? Timestamp(parsing: description) else { return nil }
        self = timestamp
    }

    /// Parses an ISO-8601 date and time with an offset from UTC.
    ///
    /// The form is that of ``description``; the offset may also be `+hh:mm`, `+hhmm` or `+hh` with either sign.
    /// Fractional digits after the sixth are dropped: peers that count nanoseconds send nine, and the database would
    /// not keep them.
    ///
    /// - Throws: ``TimestampError/malformed(_:)`` for any other form, for a day that its month does not have, and for
    ///   second 60 (the time line of the database has no leap seconds) or hour 24. ``TimestampError/outOfRange`` when
    ///   the moment is not between ``min`` and ``max``.
    public init(parsing text: String) throws(TimestampError) {
        var parser = ISO8601Parser(text)
        guard let parsed = parser.parse() else { throw .malformed(text) }
        try self.init(wide: Int128(parsed.secondsSince1970) * 1_000_000 + Int128(parsed.microseconds))
    }
}

extension Timestamp: Codable {
    /// Decodes an ISO-8601 string, as ``init(parsing:)`` reads it.
    ///
    /// - Throws: `DecodingError` when the value is not a string, is malformed or out of range; then its underlying
    ///   error is a ``TimestampError``.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do {
            try self.init(parsing: text)
        } catch {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: container.codingPath,
                    debugDescription: error.description,
                    underlyingError: error
                )
            )
        }
    }

    /// Encodes the ISO-8601 string that is ``description``.
    ///
    /// - Throws: Whatever the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension Int64 {
    /// The number in decimal, filled up with zeros from the left.
    fileprivate func padded(to width: Int) -> String {
        let digits = String(self)
        return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
    }
}
