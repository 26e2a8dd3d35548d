/// A `cidr`: an IPv4 or IPv6 network, whose address has no bits set behind the prefix.
///
/// A type of its own beside ``PostgresInet``, which can be any address: bound as `inet`, a parameter would choose other
/// operators, and the server would refuse an address with host bits only once it is there.
public struct PostgresCIDR: Sendable, Hashable {
    /// The network's first address, with the length of the prefix.
    public let network: PostgresInet

    /// From an address with prefix length; nil when bits behind the prefix are set.
    public init?(_ network: PostgresInet) {
        let hostBits = UInt128((network.isIPv6 ? 128 : 32) - network.prefixLength)
        guard network.address & ~(.max << hostBits) == 0 else { return nil }
        self.network = network
    }
}

extension PostgresCIDR: LosslessStringConvertible {
    /// From text such as `10.0.0.0/8`; nil when it is none.
    ///
    /// Without a prefix length it is a single host.
    public init?(_ text: String) {
        guard let inet = PostgresInet(text) else { return nil }
        self.init(inet)
    }

    /// The network as the server prints it, always with its prefix length.
    public var description: String {
        let text = network.description
        return text.contains("/") ? text : "\(text)/\(network.prefixLength)"
    }
}

extension PostgresCIDR: PostgresCodable {
    /// `cidr`.
    public static var postgresType: PostgresType { .cidr }
    /// `cidr[]`.
    public static var postgresArrayType: PostgresType { .cidrArray }
    /// Appends the network as `inet` is sent; the server goes by the parameter's type.
    public func encode(to encoder: inout PostgresEncoder) { network.encode(to: &encoder) }
    /// True for `cidr`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .cidr }

    /// Reads the network.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresCIDR {
        guard let cidr = PostgresCIDR(try PostgresInet.decode(bytes, type: type)) else {
            throw PostgresError(.decodingFailed, "the bytes are no cidr: bits behind the prefix are set")
        }
        return cidr
    }
}
