import Foundation
import Postgres
import Testing

/// What a server should never send must throw, never trap: each decoder gets bytes of every length, and random ones.
struct MalformedBytesTests {
    private func decode<Value: PostgresDecodable>(
        _ bytes: [UInt8],
        as _: Value.Type,
        type: PostgresType
    ) throws(PostgresError) -> Value {
        try Value.decode(bytes.span.bytes, type: type)
    }

    private func expectRefusals<Value: PostgresDecodable>(
        _ type: Value.Type,
        of postgresType: PostgresType,
        lengths: Set<Int>
    ) {
        for length in 0...40 where !lengths.contains(length) {
            let error = #expect(throws: PostgresError.self) {
                _ = try decode([UInt8](repeating: 1, count: length), as: Value.self, type: postgresType)
            }
            #expect(error?.code == .decodingFailed, "\(Value.self) of \(length) bytes")
        }
    }

    @Test func `a value of the wrong length is refused`() {
        expectRefusals(Bool.self, of: .bool, lengths: [1])
        expectRefusals(Int16.self, of: .int2, lengths: [2, 4, 8])
        expectRefusals(Int32.self, of: .int4, lengths: [2, 4, 8])
        expectRefusals(Int64.self, of: .int8, lengths: [2, 4, 8])
        expectRefusals(Int.self, of: .int8, lengths: [2, 4, 8])
        expectRefusals(UInt32.self, of: .oid, lengths: [4])
        expectRefusals(UInt64.self, of: .xid8, lengths: [8])
        expectRefusals(Double.self, of: .float8, lengths: [8])
        expectRefusals(Double.self, of: .float4, lengths: [4])
        expectRefusals(UUID.self, of: .uuid, lengths: [16])
        expectRefusals(PostgresTimestamp.self, of: .timestamptz, lengths: [8])
        expectRefusals(Date.self, of: .timestamptz, lengths: [8])
        expectRefusals(PostgresInet.self, of: .inet, lengths: [])
        expectRefusals([Int].self, of: .int8Array, lengths: [])
    }

    @Test func `an integer that does not fit is refused`() {
        for bytes: [UInt8] in [[0, 0, 0x80, 0], [0xFF, 0xFF, 0x7F, 0xFF], [0, 0, 0, 1, 0, 0, 0, 0]] {
            #expect(throws: PostgresError.self) { _ = try decode(bytes, as: Int16.self, type: .int4) }
        }
        #expect(throws: PostgresError.self) {
            _ = try decode([0, 0, 0, 0, 0x80, 0, 0, 0], as: Int32.self, type: .int8)
        }
    }

    @Test(arguments: [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]] as [[UInt8]])
    func `bytes that are no UTF-8 are no text and no label`(bytes: [UInt8]) {
        #expect(throws: PostgresError.self) { _ = try decode(bytes, as: String.self, type: .text) }
        #expect(throws: PostgresError.self) { _ = try decode(bytes, as: Mood.self, type: .text) }
    }

    @Test func `an address with a wrong family, prefix or length is refused`() throws {
        let good: [UInt8] = [2, 8, 0, 4, 10, 0, 0, 0]
        #expect(try decode(good, as: PostgresInet.self, type: .inet) == PostgresInet("10.0.0.0/8"))
        for (index, value) in [(0, 3), (0, 0), (1, 33), (3, 5), (3, 16)] as [(Int, UInt8)] {
            var bad = good
            bad[index] = value
            #expect(throws: PostgresError.self) { _ = try decode(bad, as: PostgresInet.self, type: .inet) }
        }
    }

    /// `{7, NULL}` as `bigint[]`.
    private let array: [UInt8] = [
        0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 2, 0, 0, 0, 1,
        0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7, 0xFF, 0xFF, 0xFF, 0xFF,
    ]

    @Test func `an array that is cut short or too long is refused`() throws {
        #expect(try decode(array, as: [Int?].self, type: .int8Array) == [7, nil])
        for length in 0..<array.count {
            #expect(throws: PostgresError.self) {
                _ = try decode(Array(array.prefix(length)), as: [Int?].self, type: .int8Array)
            }
        }
        #expect(throws: PostgresError.self) { _ = try decode(array + [0], as: [Int?].self, type: .int8Array) }
        #expect(throws: PostgresError.self) {
            _ = try decode([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 1], as: [Int].self, type: .int8Array)
        }
    }

    @Test func `an array's counts and lengths are not believed`() {
        for (offset, value) in [(0, 2), (0, -1), (12, .max), (12, -1), (12, 3), (20, .max), (20, -2), (20, 7), (8, 25)]
            as [(Int, Int32)]
        {
            var bad = array
            withUnsafeBytes(of: value.bigEndian) { bad.replaceSubrange(offset..<offset + 4, with: $0) }
            #expect(throws: PostgresError.self, "\(value) at \(offset)") {
                _ = try decode(bad, as: [Int?].self, type: .int8Array)
            }
        }
    }

    @Test func `pain 24: random bytes never trap`() {
        var generator = SeededGenerator(seed: 8)
        var decoded = 0
        func attempt<Value: PostgresDecodable>(_ bytes: [UInt8], _: Value.Type, _ type: PostgresType) {
            if (try? decode(bytes, as: Value.self, type: type)) != nil { decoded += 1 }
        }
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0...48, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            // Half of them begin as an array does, to get further into its decoder.
            if Bool.random(using: &generator) {
                bytes.replaceSubrange(0..<min(bytes.count, 20), with: array.prefix(20))
            }
            attempt(bytes, [Int?].self, .int8Array)
            attempt(bytes, [String].self, .textArray)
            attempt(bytes, [UUID?].self, .uuidArray)
            attempt(bytes, PostgresInet.self, .inet)
            attempt(bytes, String.self, .text)
            attempt(bytes, Date.self, .timestamptz)
            attempt(bytes, Data.self, .bytea)
        }
        #expect(decoded > 0)
    }
}
