import Foundation
import Postgres
import TestSupport
import Testing

struct ArrayCodecTests {
    /// Sends the values with a NULL among them, alone, and as an empty array; the server's own elements are compared.
    private func expectRoundTrips<Value: PostgresCodable & Equatable>(
        _ values: [Value],
        as type: String,
        on connection: PostgresConnection
    ) async throws {
        let nullable: [Value?] = values.map { $0 } + [nil] + values.map { $0 }
        let row = try await connection.query(
            """
            SELECT \(values)::\(unsafeSQL: type)[], \(nullable)::\(unsafeSQL: type)[],
                \([] as [Value])::\(unsafeSQL: type)[], cardinality(\(nullable)::\(unsafeSQL: type)[])
            """
        ).one()
        let read = try row.decode([Value].self, [Value?].self, [Value].self, Int.self)
        #expect(read.0 == values)
        #expect(read.1 == nullable)
        #expect(read.2.isEmpty)
        #expect(read.3 == nullable.count)
        for (index, value) in nullable.enumerated() {
            let same = try await connection.value(
                "SELECT (\(nullable)::\(unsafeSQL: type)[])[\(index + 1)] IS NOT DISTINCT FROM \(value)::\(unsafeSQL: type)",
                as: Bool.self
            )
            #expect(same)
        }
    }

    @Test func `arrays of every type survive with NULLs and empty`() async throws {
        let time = PostgresTimestamp(microsecondsSince2000: 123_456_789)
        let addresses = ["10.0.0.1", "fd00::/8"].compactMap { PostgresInet($0) }
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TYPE mood AS ENUM ('happy', 'so so', 'sad')")
                try await expectRoundTrips([true, false], as: "boolean", on: connection)
                try await expectRoundTrips([Int16.min, 0, .max], as: "smallint", on: connection)
                try await expectRoundTrips([Int32.min, 0, .max], as: "integer", on: connection)
                try await expectRoundTrips([Int64.min, 0, .max], as: "bigint", on: connection)
                try await expectRoundTrips([Int.min, 0, .max], as: "bigint", on: connection)
                try await expectRoundTrips([UInt32(0), .max], as: "oid", on: connection)
                try await expectRoundTrips(
                    [-.infinity, 0.1, .greatestFiniteMagnitude],
                    as: "double precision",
                    on: connection
                )
                try await expectRoundTrips(["", "NULL", "{,}", "\"\\'", "ä€👍"], as: "text", on: connection)
                try await expectRoundTrips([Data(), Data([0, 255])], as: "bytea", on: connection)
                try await expectRoundTrips([UUID(), UUID()], as: "uuid", on: connection)
                try await expectRoundTrips([.infinity, time, .negativeInfinity], as: "timestamptz", on: connection)
                try await expectRoundTrips([Date(timeIntervalSince1970: 0.5)], as: "timestamptz", on: connection)
                try await expectRoundTrips(addresses, as: "inet", on: connection)
                try await expectRoundTrips(Mood.allCases, as: "mood", on: connection)
            }
        }
    }

    @Test func `an array of enums is bound beside other parameters`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(
                    script: """
                        CREATE TYPE mood AS ENUM ('happy', 'so so', 'sad');
                        CREATE TABLE t (mood mood); INSERT INTO t VALUES ('happy'), ('so so'), ('sad')
                        """
                )
                // Text ends with NUL for libpq: what follows in the buffer must not be read as part of it.
                for _ in 0..<4 {
                    let rows = try await connection.query(
                        "SELECT mood, \("next"), \(7) FROM t WHERE mood = ANY(\([Mood.soSo, .sad])) ORDER BY mood"
                    )
                    #expect(try rows.map { try $0.decode(at: 0, as: Mood.self) } == [.soSo, .sad])
                    let (mood, text, number) = try rows[0].decode(Mood.self, String.self, Int.self)
                    #expect(mood == .soSo && text == "next" && number == 7)
                }
            }
        }
    }

    @Test func `labels of an enum array are quoted`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: #"CREATE TYPE odd AS ENUM ('a"b', 'c\d', 'NULL', '{,}', '')"#)
                let read: [Odd?] = try await connection.value("SELECT \(Odd.allCases + [nil] as [Odd?])::odd[]")
                #expect(read == Odd.allCases + [nil])
            }
        }
    }

    @Test func `lists are bound as one parameter`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let found: [Int] = try await connection.query(
                    "SELECT n FROM generate_series(1, 10) n WHERE n = ANY(\([2, 4, 99]))"
                ).map { try $0.decode(at: 0) }
                #expect(found == [2, 4])
                let large = Array(0..<100_000)
                #expect(
                    try await connection.value("SELECT sum(x)::bigint FROM unnest(\(large)) x", as: Int.self)
                        == 4_999_950_000
                )
            }
        }
    }

    @Test func `an array keeps its elements whatever its bounds, but not its dimensions`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                #expect(try await connection.value("SELECT '[5:6]={7,8}'::int[]", as: [Int].self) == [7, 8])
                let matrix = try await postgresError {
                    try await connection.value("SELECT '{{1},{2}}'::int[]", as: [Int].self)
                }
                #expect(matrix?.code == .decodingFailed)
                #expect(matrix?.message.contains("2 dimensions") == true)
                let null = try await postgresError {
                    try await connection.value("SELECT ARRAY[1, NULL]", as: [Int].self)
                }
                #expect(null?.code == .decodingFailed)
                let other = try await postgresError { try await connection.value("SELECT ARRAY['x']", as: [Int].self) }
                #expect(other?.code == .decodingFailed)
            }
        }
    }

    @Test func `an array of arrays is refused without harm`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let error = try await postgresError { try await connection.query("SELECT \([[1], [2]])::bigint[]") }
                #expect(error?.code == .server)
            }
        }
    }
}

enum Odd: String, CaseIterable, PostgresEnum {
    case quote = "a\"b"
    case backslash = "c\\d"
    case null = "NULL"
    case braces = "{,}"
    case empty = ""
}
