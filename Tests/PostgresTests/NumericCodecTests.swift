import Foundation
import Postgres
import TestSupport
import Testing

struct NumericCodecTests {
    private static func random(_ generator: inout SeededGenerator) -> String {
        let digits = { (count: Int, generator: inout SeededGenerator) in
            (0..<count).map { _ in
                Bool.random(using: &generator) ? "0" : String(Int.random(in: 0...9, using: &generator))
            }.joined()
        }
        let integer = digits(Int.random(in: 1...40, using: &generator), &generator)
        let fraction = digits(Int.random(in: 0...40, using: &generator), &generator)
        let sign = Bool.random(using: &generator) ? "-" : ""
        return sign + integer + (fraction.isEmpty ? "" : "." + fraction)
    }

    @Test func `numbers print as the server prints them`() async throws {
        var generator = SeededGenerator(seed: 20)
        let fixed = [
            "0", "0.0", "0.0000", "1", "-1", "10000", "9999", "0.0001", "0.00001", "-0.00010", "1.10", "12345678.9",
            "100000000", "NaN", "Infinity", "-Infinity", "1e-16383", "1e131071", "-9.99e+10", ".5", "5.", " 7 ", "+3",
        ]
        let texts = fixed + (0..<600).map { _ in Self.random(&generator) }
        let values = try texts.map { try #require(PostgresNumeric($0), "\($0)") }
        try await withValueConnection { connection in
            try await PostgresNumeric.expectRoundTrips(values, as: "numeric", on: connection)
            let rows = try await connection.query(
                "SELECT v::numeric::text FROM unnest(\(texts)) WITH ORDINALITY AS t(v, n) ORDER BY n"
            )
            // The server reads the same texts as we do, scale included.
            for (value, row) in zip(values, rows) { #expect(try row.decode(at: 0) == value.description) }
        }
    }

    @Test func `numbers of all the digits that the type has survive`() async throws {
        let longest = String(repeating: "7", count: 131_072) + "." + String(repeating: "3", count: 16_383)
        let texts = [longest, "-" + longest, "0." + String(repeating: "9", count: 16_383)]
        try await withValueConnection { connection in
            for text in texts {
                let value = try #require(PostgresNumeric(text))
                #expect(value.description == text)
                let row = try await connection.query("SELECT \(value), \(value)::text, \(text)::text::numeric").one()
                let (read, printed, parsed) = try row.decode(PostgresNumeric.self, String.self, PostgresNumeric.self)
                #expect(read == value && printed == text && parsed == value)
            }
            let long = try #require(PostgresNumeric(longest))
            #expect(try await connection.value("SELECT \([long])", as: [PostgresNumeric].self) == [long])
        }
    }

    @Test(arguments: [
        "", " ", "-", ".", "e5", "1e", "1e+", "1.2.3", "0x10", "1_000", "--1", "+-1", "-NaN", "Inf inity", "1 2", "١",
        "1e131072", "1e-16384", "1e99999999999", "1e2147483647", "1e-2147483648", "1,5",
    ])
    func `a text that is no number is none`(text: String) {
        #expect(PostgresNumeric(text) == nil)
    }

    @Test func `equality and order are the server's`() async throws {
        var generator = SeededGenerator(seed: 21)
        let texts = [
            "NaN", "Infinity", "-Infinity", "0", "0.00", "1.5", "1.50", "-1.5", "10000", "9999.9999", "0.0001",
        ]
        let values = (texts + (0..<500).map { _ in Self.random(&generator) }).compactMap { PostgresNumeric($0) }
        let shuffled = values.shuffled(using: &generator)
        #expect(PostgresNumeric("1.5") == PostgresNumeric("1.500"))
        #expect(Set([PostgresNumeric("1.5"), PostgresNumeric("1.500")]).count == 1)
        try await withValueConnection { connection in
            let rows = try await connection.query(
                """
                SELECT a < b, a = b FROM unnest(\(values), \(shuffled)) WITH ORDINALITY AS t(a, b, n) ORDER BY n
                """
            )
            for (index, row) in rows.enumerated() {
                let (isLess, isEqual) = try row.decode(Bool.self, Bool.self)
                #expect((values[index] < shuffled[index]) == isLess)
                #expect((values[index] == shuffled[index]) == isEqual)
            }
            let sorted = try await connection.value(
                "SELECT array_agg(v ORDER BY v) FROM unnest(\(values)) AS t(v)",
                as: [PostgresNumeric].self
            )
            #expect(sorted == values.sorted())
        }
    }

    @Test func `integers convert when they fit`() {
        for value in [0, 1, -1, 9999, 10_000, -10_000, 123_456_789, Int64.max, Int64.min] {
            #expect(PostgresNumeric(value).description == "\(value)")
            #expect(Int64(exactly: PostgresNumeric(value)) == value)
        }
        #expect(PostgresNumeric("9223372036854775808").flatMap { Int64(exactly: $0) } == nil)
        #expect(PostgresNumeric("18446744073709551615").flatMap { UInt64(exactly: $0) } == .max)
        #expect(PostgresNumeric("-170141183460469231731687303715884105728").flatMap { Int128(exactly: $0) } == .min)
        #expect(PostgresNumeric("170141183460469231731687303715884105728").flatMap { Int128(exactly: $0) } == nil)
        #expect(PostgresNumeric("1e131071").flatMap { Int64(exactly: $0) } == nil)
        #expect(PostgresNumeric("5.00").flatMap { Int8(exactly: $0) } == 5)
        #expect(PostgresNumeric("300").flatMap { Int8(exactly: $0) } == nil)
        #expect(PostgresNumeric("5.01").flatMap { Int(exactly: $0) } == nil)
        for special in [PostgresNumeric.nan, .infinity, .negativeInfinity] { #expect(Int(exactly: special) == nil) }
    }

    @Test func `doubles convert without losing a bit`() {
        var generator = SeededGenerator(seed: 22)
        let odd: [Double] = [
            0, 0.1, -0.1, 1, 1e22, 1e300, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .leastNormalMagnitude, 0.5,
            10_000,
        ]
        let random = (0..<500).map { _ in Double(bitPattern: generator.next()) }.filter(\.isFinite)
        for value in odd + random {
            let numeric = PostgresNumeric(exactly: value)
            #expect(numeric.map { Double($0) } == value)
            #expect(numeric.flatMap { Double(exactly: $0) } == value)
        }
        let tenth = "0.1000000000000000055511151231257827021181583404541015625"
        #expect(PostgresNumeric(exactly: 0.1)?.description == tenth)
        #expect(PostgresNumeric("0.1").flatMap { Double(exactly: $0) } == nil)
        #expect(PostgresNumeric("0.1").map { Double($0) } == 0.1)
        #expect(PostgresNumeric("1e400").map { Double($0) } == .infinity)
        #expect(PostgresNumeric("1e400").flatMap { Double(exactly: $0) } == nil)
        #expect(PostgresNumeric(exactly: Double.nan)?.isNaN == true)
        #expect(PostgresNumeric(exactly: -Double.infinity) == .negativeInfinity)
        #expect(Double(exactly: PostgresNumeric.infinity) == .infinity)
    }

    @Test func `decimals survive, and what they cannot hold is refused`() async throws {
        var generator = SeededGenerator(seed: 23)
        let values = (0..<500).map { _ in
            Decimal(
                sign: Bool.random(using: &generator) ? .minus : .plus,
                exponent: Int.random(in: -60...60, using: &generator),
                significand: Decimal(UInt64.random(in: 0...UInt64.max, using: &generator))
            )
        }
        for value in values { #expect(PostgresNumeric(exactly: value).flatMap { Decimal(exactly: $0) } == value) }
        #expect(
            PostgresNumeric("1e127").flatMap { Decimal(exactly: $0) }
                == Decimal(sign: .plus, exponent: 127, significand: 1)
        )
        #expect(PostgresNumeric("0.00").flatMap { Decimal(exactly: $0) } == 0)
        try await withValueConnection { connection in
            let read: [Decimal] = try await connection.value("SELECT \(values)")
            #expect(read == values)
            #expect(try await connection.value("SELECT 'NaN'::numeric", as: Decimal.self).isNaN)
            let tooLong = String(repeating: "1", count: 41)
            for text in [tooLong, "1e200", "1e-200", "Infinity"] {
                let error = try await postgresError {
                    try await connection.value("SELECT \(text)::text::numeric AS n", as: Decimal.self)
                }
                #expect(error?.code == .decodingFailed)
                #expect(error?.message.hasPrefix("column \"n\", row 1: the value does not fit Decimal") == true)
            }
        }
    }
}
