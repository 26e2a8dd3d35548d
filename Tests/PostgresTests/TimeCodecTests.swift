import Foundation
import Postgres
import TestSupport
import Testing

struct TimeCodecTests {
    private static let known: [(String, Int64)] = [
        ("2000-01-01 00:00:00+00", 0),
        ("1970-01-01 00:00:00+00", -946_684_800_000_000),
        ("1999-12-31 23:59:59.999999+00", -1),
        ("2024-02-29 12:34:56.789012+00", 762_525_296_789_012),
        ("294276-12-31 23:59:59.999999+00", 9_223_371_331_199_999_999),
        ("4714-11-24 00:00:00+00 BC", -211_813_488_000_000_000),
        ("infinity", .max),
        ("-infinity", .min),
    ]

    @Test(arguments: known) func `a timestamp is the server's number`(text: String, microseconds: Int64) async throws {
        try await withDatabase { database in
            try await database.connect({ $0.settings["TimeZone"] = "UTC" }) { connection in
                let time = PostgresTimestamp(microsecondsSince2000: microseconds)
                let row = try await connection.query("SELECT \(time)::text, \(text)::text::timestamptz, \(time)").one()
                let (printed, parsed, read) = try row.decode(
                    String.self,
                    PostgresTimestamp.self,
                    PostgresTimestamp.self
                )
                #expect(printed == text)
                #expect(parsed == time)
                #expect(read == time)
            }
        }
    }

    @Test func `random timestamps keep each microsecond`() async throws {
        var generator = SeededGenerator(seed: 6)
        let range: Range<Int64> = -211_813_488_000_000_000..<9_223_371_331_200_000_000
        let values = (0..<300).map { _ in
            PostgresTimestamp(microsecondsSince2000: Int64.random(in: range, using: &generator))
        }
        try await withDatabase { database in
            try await database.connect({ $0.settings["TimeZone"] = "UTC" }) { connection in
                for value in values {
                    let row = try await connection.query(
                        "SELECT \(value), (extract(epoch FROM \(value)) * 1000000)::numeric(30)::text"
                    ).one()
                    let (read, epoch) = try row.decode(PostgresTimestamp.self, String.self)
                    #expect(read == value)
                    // Beyond 64 bits since 1970 there is no number to compare with.
                    if let expected = value.microsecondsSince1970 { #expect(epoch == "\(expected)") }
                }
            }
        }
    }

    @Test func `a date keeps each microsecond between 1729 and 2272`() async throws {
        var generator = SeededGenerator(seed: 7)
        // In microseconds since 2000.
        let range: Range<Int64> = -8_551_872_000_000_000..<8_583_580_800_000_000
        let values = (0..<300).map { _ in Int64.random(in: range, using: &generator) }
        try await withDatabase { database in
            try await database.connect { connection in
                for value in values {
                    let time = PostgresTimestamp(microsecondsSince2000: value)
                    let date: Date = try await connection.value("SELECT \(time)")
                    let back: PostgresTimestamp = try await connection.value("SELECT \(date)")
                    #expect(back == time)
                }
            }
        }
    }

    @Test func `dates mean the same as Foundation says`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let date = Date(timeIntervalSince1970: 1_700_000_000.25)
                let isSame: Bool = try await connection.value("SELECT \(date) = to_timestamp(1700000000.25)")
                let read: Date = try await connection.value("SELECT to_timestamp(1700000000.25)")
                #expect(isSame)
                #expect(read == date)
            }
        }
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, 1e300, -1e300, 9.3e12])
    func `a date that no timestamp can hold is refused before it is sent`(seconds: Double) async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let error = try await postgresError {
                    try await connection.query("SELECT \(Date(timeIntervalSince1970: seconds))")
                }
                #expect(error?.code == .encodingFailed)
                #expect(error?.nothingWasSent == true)
            }
        }
    }

    @Test func `an infinite time does not fit a date`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                for text in ["infinity", "-infinity"] {
                    let error = try await postgresError {
                        try await connection.value("SELECT \(text)::text::timestamptz AS t", as: Date.self)
                    }
                    #expect(error?.code == .decodingFailed)
                    #expect(error?.message.hasPrefix("column \"t\", row 1: ") == true)
                }
            }
        }
    }

    @Test func `conversions from and to 1970 are exact or nil`() {
        #expect(PostgresTimestamp(microsecondsSince1970: 0)?.microsecondsSince2000 == -946_684_800_000_000)
        #expect(PostgresTimestamp(microsecondsSince1970: .min) == nil)
        #expect(PostgresTimestamp(microsecondsSince1970: .max)?.microsecondsSince1970 == .max)
        #expect(PostgresTimestamp.infinity.microsecondsSince1970 == nil)
        #expect(PostgresTimestamp.negativeInfinity.microsecondsSince1970 == nil)
        #expect(PostgresTimestamp(microsecondsSince2000: .max - 1).microsecondsSince1970 == nil)
        #expect(PostgresTimestamp.negativeInfinity < PostgresTimestamp(microsecondsSince2000: 0))
    }
}
