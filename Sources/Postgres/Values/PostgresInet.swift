import Glibc

/// An `inet`: an IPv4 or IPv6 address with the length of its network prefix.
///
/// ```swift
/// let address = PostgresInet("fd00:1122::1")   // prefix length 128: one host
/// ```
public struct PostgresInet: Sendable, Hashable {
    /// The address as a number, in line so that a row costs no allocation for it.
    package let address: UInt128
    /// Whether it is an IPv6 address.
    public let isIPv6: Bool
    /// The bits of the network prefix: 0…32 for IPv4, 0…128 for IPv6; the largest means a single host.
    public private(set) var prefixLength: UInt8

    /// The address in network byte order: 4 bytes for IPv4, 16 for IPv6.
    public var bytes: [UInt8] {
        stride(from: bitCount - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: address >> $0) }
    }

    /// The length of the address in bits.
    private var bitCount: Int { isIPv6 ? 128 : 32 }

    /// Whether this is one host, not a network.
    package var isHost: Bool { Int(prefixLength) == bitCount }

    /// From raw parts; nil when the number of bytes is not 4 or 16 or the prefix is too long.
    public init?(bytes: [UInt8], prefixLength: UInt8? = nil) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.init(
            address: bytes.reduce(0) { $0 << 8 | UInt128($1) },
            isIPv6: bytes.count == 16,
            prefixLength: prefixLength
        )
    }

    /// A single host, from a number, of which IPv4 takes the lowest 32 bits.
    package init(host address: UInt128, isIPv6: Bool) {
        self.address = isIPv6 ? address : address & 0xFFFF_FFFF
        self.isIPv6 = isIPv6
        prefixLength = isIPv6 ? 128 : 32
    }

    /// From a number, of which IPv4 takes the lowest 32 bits; nil when the prefix is too long.
    private init?(address: UInt128, isIPv6: Bool, prefixLength: UInt8?) {
        self.init(host: address, isIPv6: isIPv6)
        guard let prefixLength else { return }
        guard prefixLength <= self.prefixLength else { return nil }
        self.prefixLength = prefixLength
    }

    /// From text such as `10.0.0.1`, `10.0.0.0/8` or `fd00::1`; nil when it is none.
    ///
    /// Parsed by `inet_pton(3)`.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        // C would take a NUL as the end.
        guard let address = parts.first, parts.count <= 2, !text.utf8.contains(0) else { return nil }
        let family = address.contains(":") ? AF_INET6 : AF_INET
        var bytes = [UInt8](repeating: 0, count: family == AF_INET6 ? 16 : 4)
        guard unsafe inet_pton(family, String(address), &bytes) == 1 else { return nil }
        guard parts.count == 2 else {
            self.init(bytes: bytes)
            return
        }
        guard parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let prefix = UInt8(parts[1]) else { return nil }
        self.init(bytes: bytes, prefixLength: prefix)
    }
}

extension PostgresInet: CustomStringConvertible {
    /// The address, with its prefix length unless it is a single host; as the server prints it.
    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        var address = bytes
        unsafe inet_ntop(isIPv6 ? AF_INET6 : AF_INET, &address, &text, socklen_t(text.count))
        let length = text.firstIndex(of: 0) ?? text.count
        let host = String(decoding: text[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return isHost ? host : "\(host)/\(prefixLength)"
    }
}

extension PostgresInet: PostgresCodable {
    /// PostgreSQL's numbers for the address families, the same on every platform.
    private enum Family {
        static let ipv4: UInt8 = 2
        static let ipv6: UInt8 = 3
    }

    /// `inet`.
    public static var postgresType: PostgresType { .inet }
    /// `inet[]`.
    public static var postgresArrayType: PostgresType { .inetArray }

    /// Appends family, prefix length, the mark "not cidr", the length and the address.
    public func encode(to encoder: inout PostgresEncoder) {
        let header = UInt32(isIPv6 ? Family.ipv6 : Family.ipv4) << 24 | UInt32(prefixLength) << 16
        encoder.append(header | UInt32(bitCount / 8))
        if isIPv6 { encoder.append(address) } else { encoder.append(UInt32(truncatingIfNeeded: address)) }
    }

    /// True for `inet` and `cidr`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .inet || type == .cidr }

    /// Reads address and prefix length.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresInet {
        guard bytes.byteCount == 8 || bytes.byteCount == 20 else {
            throw PostgresError(.decodingFailed, "inet takes 8 or 20 bytes, the value has \(bytes.byteCount)")
        }
        let isIPv6 = bytes.byteCount == 20
        let family = bytes.bigEndian(as: UInt8.self)
        guard family == (isIPv6 ? Family.ipv6 : Family.ipv4),
            Int(bytes.bigEndian(at: 3, as: UInt8.self)) == bytes.byteCount - 4,
            let inet = PostgresInet(
                address: isIPv6
                    ? bytes.bigEndian(at: 4, as: UInt128.self) : UInt128(bytes.bigEndian(at: 4, as: UInt32.self)),
                isIPv6: isIPv6,
                prefixLength: bytes.bigEndian(at: 1, as: UInt8.self)
            )
        else {
            throw PostgresError(.decodingFailed, "the bytes are no inet")
        }
        return inet
    }
}
