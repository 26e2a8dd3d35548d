import Postgres
import TestSupport
import Testing

/// `date`, `time`, `timetz`, `timestamp` and `interval`.
struct CalendarCodecTests {
    @Test func `days print as the server prints them, from 4714 BC to 5874897`() async throws {
        var generator = SeededGenerator(seed: 30)
        let fixed = [
            "2000-01-01", "1999-12-31", "2024-02-29", "1900-02-28", "0001-01-01", "0001-12-31 BC", "0005-02-29 BC",
            "4714-11-24 BC", "5874897-12-31", "infinity", "-infinity", "10000-01-01",
        ]
        let values =
            fixed.compactMap { PostgresDate($0) }
            + (0..<600).map { _ in
                PostgresDate(daysSince2000: Int32.random(in: -2_451_507...2_145_031_948, using: &generator))
            }
            + (0..<600).map { _ in PostgresDate(daysSince2000: Int32.random(in: -900_000...900_000, using: &generator))
            }
        #expect(values.count == fixed.count + 1200)
        try await withValueConnection { connection in
            try await PostgresDate.expectRoundTrips(values, as: "date", on: connection)
        }
    }

    @Test func `a day is its year, month and day`() {
        #expect(PostgresDate(year: 2000, month: 1, day: 1)?.daysSince2000 == 0)
        #expect(PostgresDate(year: 2024, month: 2, day: 29)?.description == "2024-02-29")
        #expect(PostgresDate(year: 0, month: 3, day: 15)?.description == "0001-03-15 BC")
        for parts in [
            (2023, 2, 29), (2024, 0, 1), (2024, 13, 1), (2024, 4, 31), (2024, 1, 0), (Int.max, 1, 1), (.min, 1, 1),
        ] {
            #expect(PostgresDate(year: parts.0, month: parts.1, day: parts.2) == nil)
        }
        #expect(PostgresDate.infinity.parts == nil)
        for days: Int32 in [.min + 1, -730_426, -730_425, -1, 0, 59, 60, .max - 1] {
            let date = PostgresDate(daysSince2000: days)
            let parts = date.parts
            #expect(parts.flatMap { PostgresDate(year: $0.year, month: $0.month, day: $0.day) } == date)
        }
    }

    @Test(arguments: [
        "", "2024-2-29", "2024-02-30", "0000-01-01", "2024-02-29 ", "2024-02-29 AD", "02024-02-2x", "99999999-01-01",
    ])
    func `a text that is no day is none`(text: String) {
        #expect(PostgresDate(text) == nil)
    }

    @Test func `times of day keep each microsecond`() async throws {
        var generator = SeededGenerator(seed: 31)
        let fixed: [Int64] = [0, 1, 999_999, 1_000_000, 86_399_999_999, 86_400_000_000, 120_500_000]
        let values = (fixed + (0..<600).map { _ in Int64.random(in: 0...86_400_000_000, using: &generator) })
            .compactMap { PostgresTime(microseconds: $0) }
        let zoned = values.compactMap { time in
            PostgresTimeWithTimeZone(time, secondsFromUTC: Int32.random(in: -57_599...57_599, using: &generator))
        }
        let whole = values.prefix(60).compactMap { time in
            PostgresTimeWithTimeZone(time, secondsFromUTC: Int32.random(in: -15...15, using: &generator) * 1800)
        }
        #expect(values.count == 607 && zoned.count == 607)
        try await withValueConnection { connection in
            try await PostgresTime.expectRoundTrips(values, as: "time", on: connection)
            try await expectRoundTrips(zoned + whole, as: "timetz", on: connection) { $0.description }
        }
        for text in [
            "", "24:00:00.000001", "12:60:00", "12:00:60", "1:00:00", "12:00", "12:00:00.", "12:00:00.1234567",
        ] {
            #expect(PostgresTime(text) == nil)
        }
        #expect(PostgresTime(microseconds: -1) == nil && PostgresTime(microseconds: 86_400_000_001) == nil)
        #expect(PostgresTime(hour: 24, minute: 0, second: 0, microsecond: 1) == nil)
        let noon = PostgresTime(hour: 12, minute: 34, second: 56, microsecond: 789)
        #expect(noon?.hour == 12 && noon?.minute == 34 && noon?.second == 56 && noon?.microsecond == 789)
        #expect(noon.map { PostgresTimeWithTimeZone($0, secondsFromUTC: .min) == nil } == true)
    }

    @Test func `timestamps without time zone keep each microsecond`() async throws {
        var generator = SeededGenerator(seed: 32)
        let fixed = [
            "2000-01-01 00:00:00", "1999-12-31 23:59:59.999999", "2024-02-29 12:34:56.789012", "4714-11-24 00:00:00 BC",
            "294276-12-31 23:59:59.999999", "0001-12-31 23:59:59.5 BC", "infinity", "-infinity",
        ]
        let range: Range<Int64> = -211_813_488_000_000_000..<9_223_371_331_200_000_000
        let values =
            fixed.compactMap { PostgresLocalTimestamp($0) }
            + (0..<600).map { _ in PostgresLocalTimestamp(microsecondsSince2000: .random(in: range, using: &generator))
            }
        #expect(values.count == fixed.count + 600)
        try await withValueConnection { connection in
            try await PostgresLocalTimestamp.expectRoundTrips(values, as: "timestamp", on: connection)
            let instants = values.map { PostgresTimestamp(utc: $0) }
            try await PostgresTimestamp.expectRoundTrips(instants, as: "timestamptz", on: connection)
            let rows = try await connection.query(
                "SELECT v::date, v::time FROM unnest(\(values)) AS t(v) WHERE isfinite(v)"
            )
            for (value, row) in zip(values.filter { !$0.isInfinite }, rows) {
                let (date, time) = try row.decode(PostgresDate.self, PostgresTime.self)
                #expect(value.date == date && value.time == time)
                #expect(PostgresLocalTimestamp(date, time) == value)
            }
        }
    }

    @Test func `a timestamp from parts is exact or nil`() throws {
        let midnight = try #require(PostgresTime(microseconds: 0))
        #expect(PostgresLocalTimestamp(.infinity, midnight) == nil)
        #expect(PostgresLocalTimestamp(PostgresDate(daysSince2000: .max - 1), midnight) == nil)
        #expect(PostgresLocalTimestamp(PostgresDate(daysSince2000: .min + 1), midnight) == nil)
        #expect(PostgresLocalTimestamp.infinity.date == .infinity && PostgresLocalTimestamp.infinity.time == nil)
        #expect(PostgresLocalTimestamp(microsecondsSince2000: .max - 1).date.isInfinite == false)
        #expect(PostgresLocalTimestamp(microsecondsSince2000: .min + 1).time != nil)
    }

    @Test func `intervals print as the server prints them`() async throws {
        var generator = SeededGenerator(seed: 33)
        func part(_ range: ClosedRange<Int64>) -> Int64 {
            Bool.random(using: &generator) ? 0 : Int64.random(in: range, using: &generator)
        }
        let random = (0..<800).map { index in
            let limit: Int64 = index.isMultiple(of: 2) ? 40 : 2_000_000_000
            return PostgresInterval(
                months: Int32(clamping: part(-limit...limit)),
                days: Int32(clamping: part(-limit...limit)),
                microseconds: part(-limit * 1_000_000...limit * 1_000_000)
            )
        }
        let fixed = [
            PostgresInterval(), PostgresInterval(months: 1), PostgresInterval(months: -1), PostgresInterval(months: 12),
            PostgresInterval(months: -13, days: 1, microseconds: 1), PostgresInterval(days: -1, microseconds: -1),
            PostgresInterval(microseconds: .max), PostgresInterval(microseconds: .min + 1),
            PostgresInterval(months: .max, days: .max, microseconds: 0),
        ]
        try await withValueConnection { connection in
            // Compared part by part: the server's text of the values, and the values of its texts.
            try await PostgresInterval.expectRoundTrips(fixed + random, as: "interval", on: connection)
        }
        for text in ["", "1", "1 week", "1 day ", "1 day 2", "00:60:00", "00:00", "9999999999 years", "--1 day", "day"]
        {
            #expect(PostgresInterval(text) == nil, "\(text)")
        }
        #expect(PostgresInterval("infinity")?.isInfinite == true)
    }

    @Test func `an interval is a duration only without months and days`() {
        #expect(PostgresInterval(microseconds: 1_500_000).duration == .milliseconds(1500))
        #expect(PostgresInterval(microseconds: .min).duration == .microseconds(Int64.min))
        #expect(PostgresInterval(days: 1).duration == nil)
        #expect(PostgresInterval(months: 1).duration == nil)
        #expect(PostgresInterval.infinity.duration == nil)
        #expect(PostgresInterval(exactly: .milliseconds(-1500)) == PostgresInterval(microseconds: -1_500_000))
        #expect(PostgresInterval(exactly: .nanoseconds(1)) == nil)
        #expect(PostgresInterval(exactly: .seconds(Int64.max)) == nil)
    }
}
