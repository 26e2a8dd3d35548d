import Foundation
import Postgres
import TestSupport
import Testing

/// Each value goes to the server and back, and is compared with the text that the server itself prints.
struct ScalarCodecTests {
    private func expectRoundTrips<Value: PostgresCodable & Equatable>(
        _ values: [Value],
        as type: String,
        on connection: PostgresConnection,
        text: (Value) -> String
    ) async throws {
        for value in values {
            let row = try await connection.query("SELECT \(value), (\(value)::\(unsafeSQL: type))::text").one()
            let (read, printed) = try row.decode(Value.self, String.self)
            #expect(read == value)
            #expect(printed == text(value))
        }
    }

    @Test func `booleans and integers survive the round trip`() async throws {
        var generator = SeededGenerator(seed: 1)
        let int16s = [.min, .max, 0, -1] + (0..<30).map { _ in Int16.random(in: .min ... .max, using: &generator) }
        let int32s = [.min, .max, 0, -1] + (0..<30).map { _ in Int32.random(in: .min ... .max, using: &generator) }
        let int64s = [.min, .max, 0, -1] + (0..<30).map { _ in Int64.random(in: .min ... .max, using: &generator) }
        try await withDatabase { database in
            try await database.connect { connection in
                try await expectRoundTrips([true, false], as: "boolean", on: connection) { "\($0)" }
                try await expectRoundTrips(int16s, as: "smallint", on: connection) { "\($0)" }
                try await expectRoundTrips(int32s, as: "integer", on: connection) { "\($0)" }
                try await expectRoundTrips(int64s, as: "bigint", on: connection) { "\($0)" }
                try await expectRoundTrips(int64s.map { Int($0) }, as: "bigint", on: connection) { "\($0)" }
                try await expectRoundTrips([0, 1, UInt32.max], as: "oid", on: connection) { "\($0)" }
                try await expectRoundTrips([0, 1, UInt64.max], as: "xid8", on: connection) { "\($0)" }
            }
        }
    }

    @Test func `doubles survive bit by bit, the odd ones too`() async throws {
        var generator = SeededGenerator(seed: 2)
        let odd: [Double] = [
            0, -0.0, .infinity, -.infinity, .nan, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .pi, 0.1,
        ]
        let random = (0..<200).map { _ in Double(bitPattern: generator.next()) }.filter { !$0.isNaN }
        try await withDatabase { database in
            try await database.connect { connection in
                for value in odd + random {
                    let row = try await connection.query("SELECT \(value), \(value)::text").one()
                    let (read, text) = try row.decode(Double.self, String.self)
                    #expect(read.bitPattern == value.bitPattern || (read.isNaN && value.isNaN))
                    let parsed = Double(text.replacing("Infinity", with: "inf"))
                    #expect(parsed == value || value.isNaN && text == "NaN")
                }
                #expect(try await connection.value("SELECT 1.5::real", as: Double.self) == 1.5)
            }
        }
    }

    @Test func `texts survive whatever they hold`() async throws {
        var generator = SeededGenerator(seed: 3)
        let scalars = (0..<50).map { _ in
            String(
                String.UnicodeScalarView(
                    (0..<20).compactMap { _ in UnicodeScalar(UInt32.random(in: 1...0x10FFFF, using: &generator)) }
                )
            )
        }
        let fixed = [
            "", " ", "'", "\"", "\\", "'; DROP TABLE t; --", "$1", "{a,b}", "NULL", "\u{1}\t\r\n", "ÄÖÜ ß €", "👩‍👩‍👧‍👦",
            "e\u{301}",
            String(repeating: "x", count: 3_000_000),
        ]
        try await withDatabase { database in
            try await database.connect { connection in
                for value in fixed + scalars {
                    let row = try await connection.query("SELECT \(value), octet_length(\(value)), md5(\(value))").one()
                    let (read, length, _) = try row.decode(String.self, Int.self, String.self)
                    // Compared as bytes: Swift takes canonically equivalent texts for equal.
                    #expect(read.utf8.elementsEqual(value.utf8))
                    #expect(length == value.utf8.count)
                }
                #expect(try await connection.value("SELECT 'x'::varchar", as: String.self) == "x")
                #expect(try await connection.value("SELECT 'x'::char(3)", as: String.self) == "x  ")
                #expect(try await connection.value("SELECT 'x'::name", as: String.self) == "x")
                #expect(try await connection.value("SELECT '{\"a\": 1}'::json", as: String.self) == "{\"a\": 1}")
            }
        }
    }

    @Test func `bytes and identifiers survive the round trip`() async throws {
        var generator = SeededGenerator(seed: 4)
        func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) } }
        let data = [Data(), Data([0]), Data(0...255), Data(bytes(100_000))]
        let slice = Data([9, 9, 1, 2, 3]).dropFirst(2)
        let ids = (0..<30).map { _ in bytes(16) }.map { id in
            UUID(uuid: id.withUnsafeBytes { $0.loadUnaligned(as: uuid_t.self) })
        }
        try await withDatabase { database in
            try await database.connect { connection in
                try await expectRoundTrips(data + [slice], as: "bytea", on: connection) { data in
                    "\\x" + data.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                }
                try await expectRoundTrips(ids, as: "uuid", on: connection) { $0.uuidString.lowercased() }
            }
        }
    }

    @Test func `addresses keep their prefix and print as the server does`() async throws {
        var generator = SeededGenerator(seed: 5)
        let random = (0..<200).compactMap { index in
            let count = index.isMultiple(of: 2) ? 4 : 16
            // Runs of zero are what the short form of IPv6 is about.
            let bytes = (0..<count).map { _ in
                Bool.random(using: &generator) ? 0 : UInt8.random(in: 0...255, using: &generator)
            }
            return PostgresInet(bytes: bytes, prefixLength: UInt8.random(in: 0...UInt8(count * 8), using: &generator))
        }
        let fixed = ["0.0.0.0/0", "10.0.0.1", "255.255.255.255", "::", "::1", "fd00:1122::1/64", "::ffff:10.0.0.1"]
        let values = fixed.compactMap { PostgresInet($0) } + random
        #expect(values.count == fixed.count + 200)
        try await withDatabase { database in
            try await database.connect { connection in
                for value in values {
                    let row = try await connection.query("SELECT \(value), inet_out(\(value))::text").one()
                    let (read, text) = try row.decode(PostgresInet.self, String.self)
                    #expect(read == value)
                    #expect(text == value.description)
                    #expect(PostgresInet(text) == value)
                }
                #expect(try await connection.value("SELECT '10.0.0.0/8'::cidr") == PostgresInet("10.0.0.0/8"))
            }
        }
    }

    @Test(arguments: [
        "", "/", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/+8", "10.0.0", "::1/129", "::1%lo", "a", "10.0.0.1\0x",
    ])
    func `a text that is no address is none`(text: String) {
        #expect(PostgresInet(text) == nil)
    }

    @Test func `NULL is nil and an empty value is not`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let row = try await connection.query(
                    "SELECT \(nil as String?), \("" as String?), \(nil as Data?), \(Data() as Data?), \(nil as Int??)"
                ).one()
                let values = try row.decode(String?.self, String?.self, Data?.self, Data?.self, Int?.self)
                #expect(values.0 == nil && values.1 == "" && values.2 == nil && values.3 == Data() && values.4 == nil)
                let counts = try await connection.query(
                    "SELECT num_nulls(\(nil as Int?), \("")), \(nil as Int?) IS NULL"
                ).one()
                let (nulls, isNull) = try counts.decode(Int.self, Bool.self)
                #expect(nulls == 1 && isNull)
            }
        }
    }

    @Test func `an enum is read and bound by its labels`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(
                    script: "CREATE TYPE mood AS ENUM ('happy', 'so so', 'sad'); CREATE TABLE t (mood mood)"
                )
                for mood in Mood.allCases {
                    try await connection.query("INSERT INTO t VALUES (\(mood))")
                    let row = try await connection.query(
                        "SELECT mood, mood::text, \(mood)::mood FROM t WHERE mood = \(mood)"
                    ).one()
                    let (read, text, bound) = try row.decode(Mood.self, String.self, Mood.self)
                    #expect(read == mood && text == mood.rawValue && bound == mood)
                }
                try await connection.execute(script: "ALTER TYPE mood ADD VALUE 'angry'")
                let error = try await postgresError {
                    try await connection.value("SELECT 'angry'::mood", as: Mood.self)
                }
                #expect(error?.code == .decodingFailed)
                #expect(error?.message.contains("\"angry\" is no label of Mood, which has: happy, so so, sad") == true)
            }
        }
    }

}

enum Mood: String, CaseIterable, PostgresEnum {
    case happy
    case soSo = "so so"
    case sad
}
