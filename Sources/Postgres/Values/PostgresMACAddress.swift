/// A `macaddr`: a hardware address of 6 bytes.
///
/// ```swift
/// let address = PostgresMACAddress("a8:40:25:00:00:01")
/// ```
public struct PostgresMACAddress: Sendable, Hashable, Comparable {
    /// The 6 bytes in the order they are written.
    public let bytes: [UInt8]

    /// From bytes; nil unless there are 6.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 6 else { return nil }
        self.bytes = bytes
    }

    /// Orders as the server does, byte by byte.
    public static func < (left: PostgresMACAddress, right: PostgresMACAddress) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension PostgresMACAddress: LosslessStringConvertible {
    /// From `08:00:2b:01:02:03`, with colons or hyphens; nil when it is none.
    public init?(_ text: String) {
        guard let bytes = hardwareAddress(text) else { return nil }
        self.init(bytes: bytes)
    }

    /// The address as the server prints it.
    public var description: String { text(ofHardwareAddress: bytes) }
}

extension PostgresMACAddress: PostgresCodable {
    /// `macaddr`.
    public static var postgresType: PostgresType { .macaddr }
    /// `macaddr[]`.
    public static var postgresArrayType: PostgresType { .macaddrArray }
    /// Appends the bytes.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(contentsOf: bytes) }
    /// True for `macaddr`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .macaddr }

    /// Reads the bytes.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresMACAddress {
        guard let address = unsafe PostgresMACAddress(bytes: bytes.withUnsafeBytes { unsafe [UInt8]($0) }) else {
            throw PostgresError(.decodingFailed, "macaddr takes 6 bytes, the value has \(bytes.byteCount)")
        }
        return address
    }
}

/// A `macaddr8`: a hardware address of 8 bytes (EUI-64).
public struct PostgresMACAddress8: Sendable, Hashable, Comparable {
    /// The 8 bytes in the order they are written.
    public let bytes: [UInt8]

    /// From bytes; nil unless there are 8.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 8 else { return nil }
        self.bytes = bytes
    }

    /// An address of 6 bytes, with `ff:fe` in its middle.
    public init(_ address: PostgresMACAddress) {
        bytes = Array(address.bytes[..<3]) + [0xFF, 0xFE] + address.bytes[3...]
    }

    /// Orders as the server does, byte by byte.
    public static func < (left: PostgresMACAddress8, right: PostgresMACAddress8) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension PostgresMACAddress8: LosslessStringConvertible {
    /// From `08:00:2b:01:02:03:04:05`, with colons or hyphens; nil when it is none.
    public init?(_ text: String) {
        guard let bytes = hardwareAddress(text) else { return nil }
        self.init(bytes: bytes)
    }

    /// The address as the server prints it.
    public var description: String { text(ofHardwareAddress: bytes) }
}

extension PostgresMACAddress8: PostgresCodable {
    /// `macaddr8`.
    public static var postgresType: PostgresType { .macaddr8 }
    /// `macaddr8[]`.
    public static var postgresArrayType: PostgresType { .macaddr8Array }
    /// Appends the bytes.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(contentsOf: bytes) }
    /// True for `macaddr8`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .macaddr8 }

    /// Reads the bytes.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresMACAddress8 {
        guard let address = unsafe PostgresMACAddress8(bytes: bytes.withUnsafeBytes { unsafe [UInt8]($0) }) else {
            throw PostgresError(.decodingFailed, "macaddr8 takes 8 bytes, the value has \(bytes.byteCount)")
        }
        return address
    }
}

/// Reads pairs of hexadecimal digits with one kind of separator between them.
private func hardwareAddress(_ text: String) -> [UInt8]? {
    let separator: Character = text.contains("-") ? "-" : ":"
    var bytes: [UInt8] = []
    for pair in text.split(separator: separator, omittingEmptySubsequences: false) {
        // `UInt8` would take a sign.
        guard pair.utf8.count == 2, pair.allSatisfy(\.isHexDigit), let byte = UInt8(pair, radix: 16) else { return nil }
        bytes.append(byte)
    }
    return bytes
}

private func text(ofHardwareAddress bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
}
