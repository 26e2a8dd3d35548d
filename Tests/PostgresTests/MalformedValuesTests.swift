import Foundation
import Postgres
import Testing

/// Values that are cut short, too long or made up must throw, never trap: each decoder gets a good value cut at every
/// length, with every byte changed, and random bytes.
struct MalformedValuesTests {
    private struct Pair: PostgresComposite, Equatable {
        let first: Int?
        let second: String?

        init(from fields: inout PostgresCompositeFields) throws(PostgresError) {
            first = try fields.next()
            second = try fields.next()
        }
    }

    private static let eight: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 7]

    /// Decodes every prefix, the value with a byte too many, and the value with each byte replaced.
    private func expectRefusals<Value: PostgresDecodable>(
        of bytes: [UInt8],
        as _: Value.Type,
        type: PostgresType,
        _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: Never.self, sourceLocation: location) { _ = try decode(bytes, as: Value.self, type: type) }
        for length in 0..<bytes.count {
            #expect(throws: PostgresError.self, "\(length) bytes", sourceLocation: location) {
                _ = try decode(Array(bytes.prefix(length)), as: Value.self, type: type)
            }
        }
        for extra in 1...9 {
            #expect(throws: PostgresError.self, "\(extra) more", sourceLocation: location) {
                _ = try decode(bytes + [UInt8](repeating: 0, count: extra), as: Value.self, type: type)
            }
        }
        for index in bytes.indices {
            for byte: UInt8 in [0, 1, 0x7F, 0x80, 0xFE, 0xFF] {
                var changed = bytes
                changed[index] = byte
                // Some of these are values too; what matters is that none traps, and that what throws says so.
                do throws(PostgresError) {
                    _ = try decode(changed, as: Value.self, type: type)
                } catch {
                    #expect(error.code == .decodingFailed, sourceLocation: location)
                }
            }
        }
    }

    @Test func `every decoder refuses what is cut short or too long`() {
        let eight = Self.eight
        let field: [UInt8] = [0, 0, 0, 8] + eight
        expectRefusals(of: [0, 2, 0, 0, 0x40, 0, 0, 4, 0, 1, 0x13, 0x88], as: PostgresNumeric.self, type: .numeric)
        expectRefusals(of: [0, 2, 0, 0, 0x40, 0, 0, 4, 0, 1, 0x13, 0x88], as: Decimal.self, type: .numeric)
        expectRefusals(of: [0, 0, 0, 7], as: PostgresDate.self, type: .date)
        expectRefusals(of: eight, as: PostgresTime.self, type: .time)
        expectRefusals(of: eight + [0, 0, 0, 7], as: PostgresTimeWithTimeZone.self, type: .timetz)
        expectRefusals(of: eight, as: PostgresLocalTimestamp.self, type: .timestamp)
        expectRefusals(of: eight + eight, as: PostgresInterval.self, type: .interval)
        expectRefusals(of: [2, 8, 1, 4, 10, 0, 0, 0], as: PostgresCIDR.self, type: .cidr)
        expectRefusals(of: [1, 2, 3, 4, 5, 6], as: PostgresMACAddress.self, type: .macaddr)
        expectRefusals(of: eight, as: PostgresMACAddress8.self, type: .macaddr8)
        expectRefusals(of: [0, 0, 0, 1], as: Float.self, type: .float4)
        expectRefusals(of: [2] + field + field, as: PostgresRange<Int64>.self, type: .int8Range)
        expectRefusals(of: [1], as: PostgresRange<Int64>.self, type: .int8Range)
        let range: [UInt8] = [0x12] + field
        let multirange: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 13] + range
        expectRefusals(of: multirange, as: PostgresMultirange<Int64>.self, type: .int8Multirange)
        let composite: [UInt8] = [0, 0, 0, 2, 0, 0, 0, 20] + field + [0, 0, 0, 25, 0, 0, 0, 1, 0x61]
        expectRefusals(of: composite, as: Pair.self, type: .record)
        let array: [UInt8] = [0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1]
        expectRefusals(of: array + field + [255, 255, 255, 255], as: PostgresArray<Int?>.self, type: .int8Array)
        expectRefusals(of: [1, 0x5B, 0x37, 0x5D], as: PostgresJSON<[Int]>.self, type: .jsonb)
    }

    @Test func `counts and numbers from the wire are not believed`() {
        func refuses<Value: PostgresDecodable>(_ bytes: [UInt8], _: Value.Type, _ type: PostgresType) {
            #expect(throws: PostgresError.self, "\(bytes)") { _ = try decode(bytes, as: Value.self, type: type) }
        }
        // A digit of 10,000; digits beyond the scale; a scale, a sign that there are not.
        refuses([0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10], PostgresNumeric.self, .numeric)
        refuses([0, 1, 0xFF, 0xFF, 0, 0, 0, 3, 0, 1], PostgresNumeric.self, .numeric)
        refuses([0, 0, 0, 0, 0, 0, 0x40, 0], PostgresNumeric.self, .numeric)
        refuses([0, 0, 0, 0, 0x80, 0, 0, 0], PostgresNumeric.self, .numeric)
        refuses([0xFF] + Self.eight.dropFirst(), PostgresTime.self, .time)
        refuses(Self.eight + [0x80, 0, 0, 0], PostgresTimeWithTimeZone.self, .timetz)
        refuses([2, 8, 1, 4, 10, 0, 0, 1], PostgresCIDR.self, .cidr)
        refuses([0x20], PostgresRange<Int>.self, .int8Range)
        refuses([0x10, 255, 255, 255, 255], PostgresRange<Int>.self, .int8Range)
        refuses([0x7F, 255, 255, 255], PostgresMultirange<Int>.self, .int8Multirange)
        refuses([255, 255, 255, 255], PostgresMultirange<Int>.self, .int8Multirange)
        refuses([0x7F, 255, 255, 255], Pair.self, .record)
        refuses([255, 255, 255, 255], Pair.self, .record)
        refuses([0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 20], PostgresArray<Int>.self, .int8Array)
    }

    @Test func `random bytes never trap`() {
        var generator = SeededGenerator(seed: 90)
        var decoded = 0
        func attempt<Value: PostgresDecodable>(_ bytes: [UInt8], _: Value.Type, _ type: PostgresType) {
            guard let value = try? decode(bytes, as: Value.self, type: type) else { return }
            decoded += 1
            // Whatever was read can be printed.
            #expect(!String(describing: value).isEmpty)
        }
        for _ in 0..<5000 {
            var bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                Bool.random(using: &generator) ? 0 : UInt8.random(in: 0...255, using: &generator)
            }
            if let first = bytes.first { bytes[0] = first & 0x1F }
            for length in [4, 6, 8, 12, 16, bytes.count] where length <= bytes.count {
                let part = Array(bytes.prefix(length))
                attempt(part, PostgresNumeric.self, .numeric)
                attempt(part, PostgresDate.self, .date)
                attempt(part, PostgresTimeWithTimeZone.self, .timetz)
                attempt(part, PostgresLocalTimestamp.self, .timestamp)
                attempt(part, PostgresInterval.self, .interval)
                attempt(part, PostgresCIDR.self, .cidr)
                attempt(part, PostgresMACAddress.self, .macaddr)
                attempt(part, PostgresRange<PostgresNumeric>.self, .numericRange)
                attempt(part, PostgresMultirange<PostgresDate>.self, .dateMultirange)
                attempt(part, PostgresArray<PostgresDate?>.self, .dateArray)
                attempt(part, Pair.self, .record)
            }
        }
        #expect(decoded > 1000)
    }
}
