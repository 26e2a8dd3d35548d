import Foundation
import Postgres
import TestSupport
import Testing

struct RangeCodecTests {
    /// Ranges over the values with every kind of end, in the right order.
    private func ranges<Bound: PostgresRangeBound & Comparable>(
        over values: [Bound],
        _ generator: inout SeededGenerator
    ) -> [PostgresRange<Bound>] {
        (0..<500).compactMap { _ in
            guard let first = values.randomElement(using: &generator),
                let second = values.randomElement(using: &generator), first != second
            else { return .empty }
            let lowers: [PostgresRange<Bound>.Endpoint] = [
                .included(min(first, second)), .excluded(min(first, second)), .unbounded,
            ]
            let uppers: [PostgresRange<Bound>.Endpoint] = [
                .included(max(first, second)), .excluded(max(first, second)), .unbounded,
            ]
            guard let lower = lowers.randomElement(using: &generator),
                let upper = uppers.randomElement(using: &generator)
            else { return nil }
            return PostgresRange(lower: lower, upper: upper)
        }
    }

    /// The server brings ranges of integers and days into one form, so what it read is compared by its own equality.
    private func expectRoundTrips<Bound: PostgresRangeBound & Comparable & CustomStringConvertible>(
        over values: [Bound],
        as type: String,
        seed: UInt64,
        on connection: PostgresConnection
    ) async throws where Bound: Hashable {
        var generator = SeededGenerator(seed: seed)
        let sent = ranges(over: values, &generator)
        #expect(sent.count == 500)
        let rows = try await connection.query(
            """
            SELECT v, v::text, v = d::\(unsafeSQL: type)
            FROM unnest(\(sent), \(sent.map(\.description))) WITH ORDINALITY AS t(v, d, n) ORDER BY n
            """
        )
        try #require(rows.count == sent.count)
        for (value, row) in zip(sent, rows) {
            let (read, text, isSame) = try row.decode(PostgresRange<Bound>.self, String.self, Bool.self)
            #expect(isSame, "\(value)")
            #expect(read.description == text)
            for bound in values.prefix(5) { #expect(read.contains(bound) == value.contains(bound)) }
        }
        for value in sent.prefix(20) {
            let alone = try await connection.value(
                "SELECT \(value) = \(value.description)::text::\(unsafeSQL: type)",
                as: Bool.self
            )
            #expect(alone)
        }
    }

    @Test func `ranges of every type survive, as the server prints them`() async throws {
        var generator = SeededGenerator(seed: 60)
        let numbers = (0..<60).map { _ in Int64.random(in: -1_000_000_000...1_000_000_000, using: &generator) }
        try await withValueConnection { connection in
            try await expectRoundTrips(over: numbers.map { Int32($0) }, as: "int4range", seed: 61, on: connection)
            try await expectRoundTrips(over: numbers, as: "int8range", seed: 62, on: connection)
            try await expectRoundTrips(over: numbers.map { Int($0) }, as: "int8range", seed: 63, on: connection)
            try await expectRoundTrips(
                over: numbers.map { PostgresNumeric($0) },
                as: "numrange",
                seed: 64,
                on: connection
            )
            let days = numbers.map { PostgresDate(daysSince2000: Int32($0 % 900_000)) }
            try await expectRoundTrips(over: days, as: "daterange", seed: 65, on: connection)
            let times = numbers.map { PostgresLocalTimestamp(microsecondsSince2000: $0 * 1_000_003) } + [.infinity]
            try await expectRoundTrips(over: times, as: "tsrange", seed: 66, on: connection)
            let instants = times.map { PostgresTimestamp(utc: $0) }
            try await expectRoundTrips(over: instants, as: "tstzrange", seed: 67, on: connection)
        }
    }

    @Test func `ends are included, excluded or missing, and empty is empty`() async throws {
        try await withValueConnection { connection in
            let row = try await connection.query(
                "SELECT '[1,3]'::int4range, 'empty'::int8range, '(,)'::numrange, '(,5]'::numrange, '[2,2)'::int8range"
            ).one()
            let read = try row.decode(
                PostgresRange<Int>.self,
                PostgresRange<Int64>.self,
                PostgresRange<Decimal>.self,
                PostgresRange<PostgresNumeric>.self,
                PostgresRange<Int64>.self
            )
            #expect(read.0 == PostgresRange(1..<4))
            #expect(read.1 == .empty && read.1.isEmpty && !read.1.contains(1))
            #expect(read.2 == PostgresRange(lower: .unbounded, upper: .unbounded))
            #expect(read.3 == PostgresRange(lower: .unbounded, upper: .included(5)))
            #expect(read.4.isEmpty)
            #expect(
                PostgresRange(1...3).contains(3) && !PostgresRange(1..<3).contains(3) && PostgresRange(3...).contains(9)
            )
            #expect(
                !PostgresRange<Int>(lower: .excluded(1), upper: .unbounded).contains(1)
                    && PostgresRange(..<3).contains(0)
            )
            let reversed = try await postgresError {
                try await connection.query("SELECT \(PostgresRange<Int>(lower: .included(2), upper: .included(1)))")
            }
            #expect(reversed?.server != nil)
            let date = Date(timeIntervalSince1970: 1_700_000_000)
            let isWithin: Bool = try await connection.value("SELECT \(date) <@ \(PostgresRange(date...))")
            #expect(isWithin)
        }
    }

    @Test func `multiranges survive, in the server's order`() async throws {
        var generator = SeededGenerator(seed: 68)
        let values = (0..<500).map { _ in
            PostgresMultirange<Int>(
                (0..<Int.random(in: 0...5, using: &generator)).map { _ in
                    let lower = Int.random(in: -100...100, using: &generator)
                    return PostgresRange(lower..<lower + Int.random(in: 0...20, using: &generator))
                }
            )
        }
        try await withValueConnection { connection in
            let rows = try await connection.query(
                """
                SELECT v, v::text, d::int8multirange = v
                FROM unnest(\(values), \(values.map(\.description))) WITH ORDINALITY AS t(v, d, n) ORDER BY n
                """
            )
            try #require(rows.count == values.count)
            for row in rows {
                let (read, text, isSame) = try row.decode(PostgresMultirange<Int>.self, String.self, Bool.self)
                #expect(isSame)
                #expect(read.description == text)
            }
            #expect(
                try await connection.value("SELECT \(PostgresMultirange<Int32>([]))::text", as: String.self) == "{}"
            )
        }
    }
}
