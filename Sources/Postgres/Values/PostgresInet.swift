import Glibc

/// An `inet`: an IPv4 or IPv6 address with the length of its network prefix.
///
/// ```swift
/// let address = PostgresInet("fd00:1122::1")   // prefix length 128: one host
/// ```
public struct PostgresInet: Sendable, Hashable {
    /// The address in network byte order: 4 bytes for IPv4, 16 for IPv6.
    public let bytes: [UInt8]
    /// The bits of the network prefix: 0…32 for IPv4, 0…128 for IPv6; the largest means a single host.
    public let prefixLength: UInt8

    /// From raw parts; nil when the number of bytes is not 4 or 16 or the prefix is too long.
    public init?(bytes: [UInt8], prefixLength: UInt8? = nil) {
        let bits = UInt8(clamping: bytes.count * 8)
        guard bytes.count == 4 || bytes.count == 16, prefixLength ?? bits <= bits else { return nil }
        self.bytes = bytes
        self.prefixLength = prefixLength ?? bits
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
        guard inet_pton(family, String(address), &bytes) == 1 else { return nil }
        guard parts.count == 2 else {
            self.init(bytes: bytes)
            return
        }
        guard parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let prefix = UInt8(parts[1]) else { return nil }
        self.init(bytes: bytes, prefixLength: prefix)
    }

    /// Whether it is an IPv6 address.
    public var isIPv6: Bool { bytes.count == 16 }
}

extension PostgresInet: CustomStringConvertible {
    /// The address, with its prefix length unless it is a single host; as the server prints it.
    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        var address = bytes
        inet_ntop(isIPv6 ? AF_INET6 : AF_INET, &address, &text, socklen_t(text.count))
        let length = text.firstIndex(of: 0) ?? text.count
        let host = String(decoding: text[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return Int(prefixLength) == bytes.count * 8 ? host : "\(host)/\(prefixLength)"
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
        encoder.append(contentsOf: [isIPv6 ? Family.ipv6 : Family.ipv4, prefixLength, 0, UInt8(bytes.count)])
        encoder.append(contentsOf: bytes)
    }

    /// True for `inet` and `cidr`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .inet || type == .cidr }

    /// Reads address and prefix length.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresInet {
        guard bytes.byteCount == 8 || bytes.byteCount == 20 else {
            throw PostgresError(.decodingFailed, "inet takes 8 or 20 bytes, the value has \(bytes.byteCount)")
        }
        let address = bytes.extracting(droppingFirst: 4).withUnsafeBytes { [UInt8]($0) }
        let family = bytes.bigEndian(as: UInt8.self)
        let prefix = bytes.bigEndian(at: 1, as: UInt8.self)
        guard family == (address.count == 4 ? Family.ipv4 : Family.ipv6),
            Int(bytes.bigEndian(at: 3, as: UInt8.self)) == address.count,
            let inet = PostgresInet(bytes: address, prefixLength: prefix)
        else {
            throw PostgresError(.decodingFailed, "the bytes are no inet")
        }
        return inet
    }
}
