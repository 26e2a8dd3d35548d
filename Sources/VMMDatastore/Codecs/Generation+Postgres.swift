public import Postgres
public import VMMModel

extension Generation: PostgresEncodable {
    /// `bigint`.
    public static var postgresType: PostgresType { .int8 }
    /// `bigint[]`.
    public static var postgresArrayType: PostgresType { .int8Array }

    /// Appends the number.
    public func encode(to encoder: inout PostgresEncoder) { rawValue.encode(to: &encoder) }
}

extension Generation: PostgresDecodable {
    /// True for `bigint`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .int8 }

    /// Reads the number.
    ///
    /// - Throws: `decodingFailed` for a number less than 1.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Generation {
        let number = try Int64.decode(bytes, type: type)
        do throws(GenerationError) {
            return try Generation(number)
        } catch {
            throw PostgresError(.decodingFailed, error.description)
        }
    }
}
