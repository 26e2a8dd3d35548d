/// A `bit(n)` or `bit varying`: a string of bits of any length, the first bit first.
///
/// ```swift
/// let flags = PostgresBitString("10110")
/// let isSet = flags?[2]
/// ```
public struct PostgresBitString: Sendable, Hashable {
    /// How many bits there are.
    public let count: Int
    /// Eight bits in a byte, the first in its highest place; those behind the last are zero.
    public let bytes: [UInt8]

    /// From bits.
    public init(_ bits: some Collection<Bool>) {
        count = bits.count
        var bytes = [UInt8](repeating: 0, count: (bits.count + 7) / 8)
        for (index, bit) in bits.enumerated() where bit { bytes[index / 8] |= 0x80 >> UInt8(index % 8) }
        self.bytes = bytes
    }

    /// From bytes of which the first `count` bits are taken; nil unless there are as many bytes as these need.
    public init?(bytes: [UInt8], count: Int) {
        guard count >= 0, bytes.count == count / 8 + (count % 8 == 0 ? 0 : 1) else { return nil }
        self.count = count
        var bytes = bytes
        if count % 8 != 0 { bytes[bytes.count - 1] &= ~(0xFF >> UInt8(count % 8)) }
        self.bytes = bytes
    }

    /// The bit at an index from 0; nil outside.
    public subscript(index: Int) -> Bool? {
        guard index >= 0, index < count else { return nil }
        return bytes[index / 8] & (0x80 >> UInt8(index % 8)) != 0
    }

    /// The bits as values.
    public var bits: [Bool] { (0..<count).map { bytes[$0 / 8] & (0x80 >> UInt8($0 % 8)) != 0 } }
}

extension PostgresBitString: LosslessStringConvertible {
    /// From zeros and ones; nil for anything else.
    public init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: "1") }) else { return nil }
        self.init(text.utf8.map { $0 == UInt8(ascii: "1") })
    }

    /// Zeros and ones, as the server prints it.
    public var description: String { String(decoding: bits.map { UInt8(ascii: $0 ? "1" : "0") }, as: UTF8.self) }
}

extension PostgresBitString: PostgresCodable {
    /// `bit varying`, which the server assigns to a `bit(n)` of that length.
    public static var postgresType: PostgresType { .varbit }
    /// `bit varying[]`.
    public static var postgresArrayType: PostgresType { .varbitArray }

    /// Appends the number of bits and the bytes.
    ///
    /// - Throws: `encodingFailed` for more bits than the server can hold (2³¹ − 8).
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        guard let length = Int32(exactly: count), length <= Int32.max - 7 else {
            throw PostgresError(.encodingFailed, "a bit string of \(count) bits cannot be sent", nothingWasSent: true)
        }
        encoder.append(length)
        encoder.append(contentsOf: bytes)
    }

    /// True for `bit` and `bit varying`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .varbit || type == .bit }

    /// Reads the bits.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresBitString {
        var cursor = ByteCursor("bit string")
        let count = Int(try cursor.next(Int32.self, in: bytes))
        let rest = bytes.extracting(4..<bytes.byteCount)
        guard let value = unsafe PostgresBitString(bytes: rest.withUnsafeBytes { unsafe [UInt8]($0) }, count: count)
        else {
            throw PostgresError(.decodingFailed, "the bit string's length does not fit its size")
        }
        return value
    }
}
