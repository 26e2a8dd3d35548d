import Foundation
import Postgres
import TestSupport
import Testing

struct JSONCodecTests {
    private struct Spec: Codable, Hashable, Sendable {
        var name: String
        var cpus: Int
        var ratio: Double?
        var tags: [String: [Int]]
    }

    private static func random(_ generator: inout SeededGenerator) -> Spec {
        let scalars = (0..<8).compactMap { _ in UnicodeScalar(UInt32.random(in: 1...0x1FFFF, using: &generator)) }
        return Spec(
            name: String(String.UnicodeScalarView(scalars)) + "\\u0000\"",
            cpus: Int.random(in: -1_000_000...1_000_000, using: &generator),
            ratio: Bool.random(using: &generator) ? nil : Double.random(in: -1e6...1e6, using: &generator),
            tags: ["a": [Int.random(in: 0...9, using: &generator)], "é": []]
        )
    }

    @Test func `codable values survive as jsonb and are what the server sees`() async throws {
        var generator = SeededGenerator(seed: 40)
        let values = (0..<500).map { _ in PostgresJSON(Self.random(&generator)) }
        try await withValueConnection { connection in
            let rows = try await connection.query(
                """
                SELECT v, v::json, v->>'name', (v->>'cpus')::bigint
                FROM unnest(\(values)) WITH ORDINALITY AS t(v, n) ORDER BY n
                """
            )
            try #require(rows.count == values.count)
            for (value, row) in zip(values, rows) {
                let read = try row.decode(PostgresJSON<Spec>.self, PostgresJSON<Spec>.self, String.self, Int.self)
                #expect(read.0 == value && read.1 == value)
                #expect(read.2.utf8.elementsEqual(value.value.name.utf8))
                #expect(read.3 == value.value.cpus)
            }
            let array = try await connection.value("SELECT \(PostgresJSON([1, 2]))", as: PostgresJSON<[Int]>.self)
            #expect(array.value == [1, 2])
            let one = try await connection.value("SELECT \(PostgresJSON(1)) = '1'::jsonb", as: Bool.self)
            #expect(one)
        }
    }

    private struct SnakeCase: PostgresJSONCoder {
        func encode<Value: Encodable>(_ value: Value) throws -> Data {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            return try encoder.encode(value)
        }

        func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(type, from: data)
        }
    }

    private struct Size: Codable, Hashable, Sendable {
        var cpuCount: Int
    }

    @Test func `another coder writes and reads within its scope, and its failures are told`() async throws {
        let size = Size(cpuCount: 4)
        try await withValueConnection { connection in
            try await PostgresJSONCoding.$coder.withValue(SnakeCase()) {
                let row = try await connection.query(
                    "SELECT v, v->>'cpu_count' FROM (SELECT \(PostgresJSON(size)) AS v) t"
                )
                .one()
                let read = try row.decode(PostgresJSON<Size>.self, String.self)
                #expect(read.0.value == size && read.1 == "4")
                let other = try await connection.query("SELECT '{\"cpuCount\": 4}'::jsonb").one()
                #expect(try other.decode(at: 0, as: PostgresJSON<Size>.self).value == size)
                let error = try await postgresError {
                    try await connection.query("SELECT \(PostgresJSON(Double.nan))")
                }
                #expect(error?.code == .encodingFailed)
            }
            let plain = try await connection.value("SELECT \(PostgresJSON(size))->>'cpuCount'", as: String.self)
            #expect(plain == "4")
        }
    }

    @Test func `text of json is kept as it is, jsonb normalises it`() async throws {
        let text = PostgresJSONText("{\"b\" : 1,  \"a\":2, \"a\":3}")
        try await withValueConnection { connection in
            try await connection.execute(script: "CREATE TABLE t (plain json, binary_ jsonb)")
            try await connection.query("INSERT INTO t VALUES (\(text), \(text))")
            let row = try await connection.query("SELECT plain, binary_, plain::text FROM t").one()
            let read = try row.decode(PostgresJSONText.self, PostgresJSONText.self, String.self)
            #expect(read.0 == text && read.2 == text.text)
            #expect(read.1.text == "{\"a\": 3, \"b\": 1}")
        }
    }

    @Test func `what is no JSON or holds NUL is refused before it is sent`() async throws {
        try await withValueConnection { connection in
            for query: PostgresQuery in [
                "SELECT \(PostgresJSON("a\0b"))", "SELECT \(PostgresJSON(["k\0": 1]))",
                "SELECT \(PostgresJSON("\\\0"))",
                "SELECT \(PostgresJSON(Double.nan))", "SELECT \(PostgresJSONText("\0"))",
            ] {
                let error = try await postgresError { try await connection.query(query) }
                #expect(error?.code == .encodingFailed && error?.nothingWasSent == true, "\(query)")
            }
        }
    }

    @Test func `JSON of another shape names the place, not the value`() async throws {
        try await withValueConnection { connection in
            let error = try await postgresError {
                try await connection.value(
                    "SELECT '{\"name\": \"n\", \"cpus\": \"secret\", \"tags\": {}}'::jsonb AS spec",
                    as: PostgresJSON<Spec>.self
                )
            }
            #expect(error?.code == .decodingFailed)
            #expect(error?.message == "column \"spec\", row 1: the JSON is no Spec: no Int at cpus")
        }
    }

    @Test func `bytes that are no jsonb are refused`() {
        for bytes: [UInt8] in [[], [1], [0, 0x31], [2, 0x31], [1, 0x22], [1, 0xFF]] {
            #expect(throws: PostgresError.self) { _ = try decode(bytes, as: PostgresJSON<Int>.self, type: .jsonb) }
        }
        #expect(throws: PostgresError.self) { _ = try decode([1, 0xFF], as: PostgresJSONText.self, type: .jsonb) }
        #expect(throws: PostgresError.self) { _ = try decode([], as: PostgresJSONText.self, type: .jsonb) }
    }
}
