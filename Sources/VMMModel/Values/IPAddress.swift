import Foundation

/// The IPv4 or IPv6 address of one host.
///
/// Two spellings of the same address are equal. There is no prefix length, zone or port.
///
/// ```swift
/// let address = IPAddress("fd00:1122:3344:101::a")
/// ```
public struct IPAddress: Hashable, Sendable {
    /// The address as a number, in line so that a VMM costs no allocation for it.
    package let number: UInt128

    /// Whether this is an IPv6 address.
    public let isIPv6: Bool

    /// The address in network byte order: 4 bytes for IPv4, 16 for IPv6.
    public var bytes: [UInt8] {
        stride(from: isIPv6 ? 120 : 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    /// Creates an address from its bytes in network byte order.
    ///
    /// - Parameter bytes: 4 bytes for IPv4 or 16 for IPv6; any other count gives `nil`.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.init(number: bytes.reduce(0) { $0 << 8 | UInt128($1) }, isIPv6: bytes.count == 16)
    }

    /// Creates an address from a number, of which IPv4 takes the lowest 32 bits.
    package init(number: UInt128, isIPv6: Bool) {
        self.number = isIPv6 ? number : number & 0xFFFF_FFFF
        self.isIPv6 = isIPv6
    }
}

extension IPAddress: LosslessStringConvertible {
    /// The canonical text, as PostgreSQL's `inet` shows a single host: `10.0.0.1` or `fd00::1`.
    public var description: String {
        var text = [UInt8](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        _ = text.withUnsafeMutableBytes { buffer in
            inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, buffer.baseAddress, socklen_t(buffer.count))
        }
        return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Parses an address in dotted decimal or in any of IPv6's text forms.
    ///
    /// - Parameter description: The text; anything else, a prefix length or a zone included, gives `nil`.
    public init?(_ description: String) {
        // C would stop reading at a zero byte and accept what precedes it.
        guard !description.utf8.contains(0) else { return nil }
        let isIPv6 = description.utf8.contains(UInt8(ascii: ":"))
        var bytes = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
        guard inet_pton(isIPv6 ? AF_INET6 : AF_INET, description, &bytes) == 1 else { return nil }
        self.init(bytes: bytes)
    }
}

extension IPAddress: Codable {
    /// Decodes the text of an address.
    ///
    /// - Throws: `DecodingError` when the value is not a string, or the string is not an address.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let address = IPAddress(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "'\(text)' is not an IP address"
            )
        }
        self = address
    }

    /// Encodes the canonical text.
    ///
    /// - Throws: Whatever the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
