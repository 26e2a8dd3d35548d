public import Postgres
public import VMMModel

extension IPAddress: PostgresEncodable {
    /// `inet`.
    public static var postgresType: PostgresType { .inet }
    /// `inet[]`.
    public static var postgresArrayType: PostgresType { .inetArray }

    /// Appends the address as that of a single host.
    public func encode(to encoder: inout PostgresEncoder) {
        PostgresInet(host: number, isIPv6: isIPv6).encode(to: &encoder)
    }
}

extension IPAddress: PostgresDecodable {
    /// True for `inet`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .inet }

    /// Reads the address of a single host.
    ///
    /// - Throws: `decodingFailed` for a network: an address whose prefix is shorter than the address.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> IPAddress {
        let inet = try PostgresInet.decode(bytes, type: type)
        guard inet.isHost else {
            throw PostgresError(.decodingFailed, "\(inet) is a network, not the address of a host")
        }
        return IPAddress(number: inet.address, isIPv6: inet.isIPv6)
    }
}
