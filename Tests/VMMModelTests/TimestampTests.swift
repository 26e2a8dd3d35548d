import Foundation
import Testing
import VMMModel

@Suite struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (-1_000_000, "1969-12-31T23:59:59Z"),
        (250_000, "1970-01-01T00:00:00.25Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00Z"),
        (1_787_313_600_000_001, "2026-08-21T12:00:00.000001Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        (253_402_300_800_000_000, "+010000-01-01T00:00:00Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00Z"),
        (-62_135_596_800_000_001, "0000-12-31T23:59:59.999999Z"),
        (-62_167_219_200_000_001, "-000001-12-31T23:59:59.999999Z"),
        (-210_866_803_200_000_000, "-004713-11-24T00:00:00Z"),
        (Int64.max, "+294247-01-10T04:00:54.775807Z"),
    ])
    func `text and microseconds determine each other`(microseconds: Int64, text: String) throws {
        let time = try Timestamp(microsecondsSince1970: microseconds)
        #expect(time.description == text)
        #expect(try Timestamp(parsing: text) == time)
        #expect(try JSON.text([time]) == "[\"\(text)\"]")
        #expect(try JSON.decode([Timestamp].self, "[\"\(text)\"]") == [time])
    }

    @Test func `every microsecond survives text, whatever its calendar day`() throws {
        var generator = SplitMix(state: 0x5eed)
        for _ in 0..<20_000 {
            let microseconds = Int64.random(in: Timestamp.min.microsecondsSince1970...Int64.max, using: &generator)
            let time = try Timestamp(microsecondsSince1970: microseconds)
            #expect(try Timestamp(parsing: time.description) == time)
        }
    }

    @Test func `every day of eight centuries follows the one before it`() throws {
        let day: Int64 = 86_400_000_000
        var expected = (year: 1_600, month: 1, day: 1)
        var time = try Timestamp(parsing: "1600-01-01T00:00:00Z")
        while expected.year < 2_401 {
            let text = String(format: "%04d-%02d-%02dT00:00:00Z", expected.year, expected.month, expected.day)
            try #require(time.description == text)
            time = try Timestamp(microsecondsSince1970: time.microsecondsSince1970 + day)
            expected = Self.dayAfter(expected)
        }
    }

    @Test func `the range begins with PostgreSQL's calendar and ends with 64 bits`() throws {
        #expect(try Timestamp(microsecondsSince1970: -210_866_803_200_000_000) == .min)
        #expect(throws: TimestampError.outOfRange) {
            try Timestamp(microsecondsSince1970: -210_866_803_200_000_001)
        }
        #expect(throws: TimestampError.outOfRange) { try Timestamp(microsecondsSince1970: .min) }
        #expect(try Timestamp(microsecondsSince1970: .max) == .max)
        #expect(TimestampError.outOfRange.description.contains("-004713-11-24T00:00:00Z"))
    }

    @Test(arguments: [
        "-004713-11-23T23:59:59.999999Z", "+294247-01-10T04:00:54.775808Z", "+294247-01-10T04:00:55Z",
        "+999999-12-31T23:59:59Z", "-999999-01-01T00:00:00Z", "-004713-11-24T00:00:00+00:01",
    ])
    func `text beyond the range is out of range`(text: String) {
        #expect(throws: TimestampError.outOfRange) { try Timestamp(parsing: text) }
    }

    @Test(arguments: [
        ("2026-08-21T14:00:00+02:00", "2026-08-21T12:00:00Z"),
        ("2026-08-21T14:00:00+0200", "2026-08-21T12:00:00Z"),
        ("2026-08-21T14:00:00+02", "2026-08-21T12:00:00Z"),
        ("2026-08-21T06:15:00-05:45", "2026-08-21T12:00:00Z"),
        ("2026-08-21T12:00:00-00:00", "2026-08-21T12:00:00Z"),
        ("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00Z"),
        ("2026-08-21T12:00:00.5Z", "2026-08-21T12:00:00.5Z"),
        ("2026-08-21T12:00:00.500000Z", "2026-08-21T12:00:00.5Z"),
        ("2026-08-21T12:00:00.000000Z", "2026-08-21T12:00:00Z"),
        ("2026-08-21T12:00:00.123456789Z", "2026-08-21T12:00:00.123456Z"),
        ("1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999Z"),
        ("+002026-08-21T12:00:00Z", "2026-08-21T12:00:00Z"),
    ])
    func `offsets and other spellings name the same moment`(text: String, canonical: String) throws {
        #expect(try Timestamp(parsing: text).description == canonical)
        #expect(Timestamp(text) == Timestamp(canonical))
    }

    @Test(arguments: [
        "", "2026-08-21", "2026-08-21T12:00:00", "2026-08-21 12:00:00Z", "2026-08-21t12:00:00Z", "2026-08-21T12:00Z",
        "2026-08-21T12:00:00z", "2026-08-21T12:00:00Z ", " 2026-08-21T12:00:00Z", "2026-08-21T12:00:00ZZ",
        "26-08-21T12:00:00Z", "02026-08-21T12:00:00Z", "+2026-08-21T12:00:00Z", "-2026-08-21T12:00:00Z",
        "-000000-01-01T00:00:00Z", "2026-8-21T12:00:00Z", "20260821T120000Z", "2026-08-21T12:00:00.Z",
        "2026-08-21T12:00:00,5Z", "2026-08-21T12:00:00.+1Z", "2026-08-21T12:00:00+2", "2026-08-21T12:00:00+02:",
        "2026-08-21T12:00:00+02:0", "2026-08-21T12:00:00+24:00", "2026-08-21T12:00:00+01:60", "infinity",
        "2026-08-21T12:00:0\u{661}Z",
    ])
    func `text in any other form is malformed`(text: String) throws {
        #expect(throws: TimestampError.malformed(text)) { try Timestamp(parsing: text) }
        #expect(Timestamp(text) == nil)
    }

    @Test(arguments: [
        "2026-12-31T23:59:60Z", "2016-12-31T23:59:60Z", "2026-08-21T24:00:00Z", "2026-08-21T12:60:00Z",
        "2026-00-21T12:00:00Z", "2026-13-21T12:00:00Z", "2026-08-00T12:00:00Z", "2026-08-32T12:00:00Z",
        "2026-04-31T12:00:00Z", "2026-02-29T12:00:00Z", "1900-02-29T12:00:00Z", "2024-02-30T12:00:00Z",
    ])
    func `a leap second or a day that does not exist is malformed`(text: String) throws {
        #expect(throws: TimestampError.malformed(text)) { try Timestamp(parsing: text) }
    }

    @Test(arguments: ["\"yesterday\"", "\"+999999-01-01T00:00:00Z\"", "0", "null", "{}"])
    func `anything else in JSON is a decoding error`(text: String) throws {
        #expect(try JSON.failure([Timestamp].self, "[\(text)]") != nil)
    }

    @Test func `a decoding error carries its cause`() throws {
        let error = try #require(try JSON.failure([Timestamp].self, #"["yesterday"]"#))
        #expect(error.context?.underlyingError as? TimestampError == .malformed("yesterday"))
    }

    @Test func `a date of our days keeps its microsecond`() throws {
        for microseconds in [1_787_313_600_000_001, 1_787_313_600_999_999, -1, 0, 4_000_000_000_000_003] {
            let time = try Timestamp(microsecondsSince1970: Int64(microseconds))
            #expect(try Timestamp(time.date) == time)
        }
    }

    @Test func `a date far away loses the microsecond, not more`() throws {
        let time = try Timestamp(parsing: "+200000-01-01T00:00:00.000001Z")
        let back = try Timestamp(time.date)
        #expect(back != time)
        #expect(abs(back.microsecondsSince1970 - time.microsecondsSince1970) < 1_000)
    }

    @Test func `a date is rounded to the nearest microsecond`() throws {
        #expect(
            try Timestamp(Date(timeIntervalSinceReferenceDate: 0.000_000_6)).microsecondsSince1970
                == 978_307_200_000_001
        )
        #expect(
            try Timestamp(Date(timeIntervalSinceReferenceDate: -0.000_000_4)).microsecondsSince1970
                == 978_307_200_000_000
        )
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, 1e300, -1e300, 9.3e12, -2.2e11])
    func `a date beyond the range is out of range`(interval: Double) {
        #expect(throws: TimestampError.outOfRange) {
            try Timestamp(Date(timeIntervalSinceReferenceDate: interval))
        }
    }

    @Test func `now lies between two dates taken around it`() throws {
        // Dates round to the nearest microsecond, timestamps down.
        let before = try Timestamp(Date()).advanced(by: .microseconds(-1))
        let now = Timestamp.now()
        let after = try Timestamp(Date()).advanced(by: .microseconds(1))
        #expect(before <= now && now <= after)
    }

    @Test func `advancing is exact in microseconds and drops what is finer`() throws {
        let time = try Sample.time(10)
        #expect(try time.advanced(by: .microseconds(5)) == Sample.time(15))
        #expect(try time.advanced(by: .microseconds(-15)) == Sample.time(-5))
        #expect(try time.advanced(by: .seconds(300)) == Sample.time(300_000_010))
        #expect(try time.advanced(by: .nanoseconds(1_999)) == Sample.time(11))
        #expect(try time.advanced(by: .zero) == time)
        let whole = Duration.microseconds(Timestamp.max.microsecondsSince1970)
        #expect(try Timestamp.min.advanced(by: whole - .microseconds(Timestamp.min.microsecondsSince1970)) == .max)
    }

    @Test func `advancing beyond the range is an error`() {
        #expect(throws: TimestampError.outOfRange) { try Timestamp.max.advanced(by: .microseconds(1)) }
        #expect(throws: TimestampError.outOfRange) { try Timestamp.min.advanced(by: .microseconds(-1)) }
        #expect(throws: TimestampError.outOfRange) { try Timestamp.now().advanced(by: .seconds(Int64.max)) }
        #expect(throws: TimestampError.outOfRange) { try Timestamp.now().advanced(by: .seconds(Int64.min)) }
        #expect(throws: TimestampError.outOfRange) { try Timestamp.max.advanced(by: Duration(attoseconds: .max)) }
        #expect(throws: TimestampError.outOfRange) { try Timestamp.min.advanced(by: Duration(attoseconds: .min)) }
    }

    @Test func `timestamps are ordered by time`() throws {
        #expect(try Sample.time(-1) < Sample.time(0))
        #expect(try !(Sample.time(1) < Sample.time(1)))
        #expect(Timestamp.min < .max)
    }

    /// The calendar as a child learns it, to check the arithmetic against.
    private static func dayAfter(_ date: (year: Int, month: Int, day: Int)) -> (year: Int, month: Int, day: Int) {
        let isLeap = date.year.isMultiple(of: 4) && !date.year.isMultiple(of: 100) || date.year.isMultiple(of: 400)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        if date.day < lengths[date.month - 1] { return (date.year, date.month, date.day + 1) }
        return date.month < 12 ? (date.year, date.month + 1, 1) : (date.year + 1, 1, 1)
    }
}

/// A generator that gives the same numbers in every run.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
