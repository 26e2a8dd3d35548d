import Postgres

/// A TCP port as its column has it, an `integer`; PostgreSQL has no unsigned type of 16 bits.
struct PortNumber: PostgresCodable {
    let port: UInt16

    init(_ port: UInt16) {
        self.port = port
    }

    static var postgresType: PostgresType { .int4 }
    static var postgresArrayType: PostgresType { .int4Array }

    func encode(to encoder: inout PostgresEncoder) { Int32(port).encode(to: &encoder) }

    static func canDecode(_ type: PostgresType) -> Bool { Int32.canDecode(type) }

    static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PortNumber {
        let number = try Int32.decode(bytes, type: type)
        guard let port = UInt16(exactly: number) else {
            throw PostgresError(.decodingFailed, "\(number) is not a port: they range from 0 to 65535")
        }
        return PortNumber(port)
    }
}
