public import Postgres
public import VMMModel

extension IPAddress: PostgresEncodable {
    /// `inet`.
    public static var postgresType: PostgresType { .inet }
    /// `inet[]`.
    public static var postgresArrayType: PostgresType { .inetArray }

    /// Appends the address as that of a single host.
    ///
    /// - Throws: `encodingFailed` when the address has neither 4 nor 16 bytes, which no `IPAddress` has.
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        guard let inet = PostgresInet(bytes: bytes) else {
            throw PostgresError(.encodingFailed, "an address has 4 or 16 bytes", nothingWasSent: true)
        }
        inet.encode(to: &encoder)
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
        guard Int(inet.prefixLength) == inet.bytes.count * 8, let address = IPAddress(bytes: inet.bytes) else {
            throw PostgresError(.decodingFailed, "\(inet) is a network, not the address of a host")
        }
        return address
    }
}
