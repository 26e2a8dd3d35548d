import Foundation
public import Postgres
public import VMMModel

extension TypedID: PostgresEncodable {
    /// `uuid`.
    public static var postgresType: PostgresType { .uuid }
    /// `uuid[]`.
    public static var postgresArrayType: PostgresType { .uuidArray }

    /// Appends the 16 bytes.
    public func encode(to encoder: inout PostgresEncoder) { uuid.encode(to: &encoder) }
}

extension TypedID: PostgresDecodable {
    /// True for `uuid`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .uuid }

    /// Reads the 16 bytes; that the column's UUIDs identify an `Entity` is for the statement to ensure.
    ///
    /// - Throws: `decodingFailed` when the value is no UUID.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> TypedID {
        TypedID(try UUID.decode(bytes, type: type))
    }
}
