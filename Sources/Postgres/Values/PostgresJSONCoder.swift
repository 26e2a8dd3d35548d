public import Foundation

/// Writes and reads the JSON of ``PostgresJSON``.
///
/// ```swift
/// struct SnakeCase: PostgresJSONCoder {
///     func encode<Value: Encodable>(_ value: Value) throws -> Data {
///         let encoder = JSONEncoder()
///         encoder.keyEncodingStrategy = .convertToSnakeCase
///         return try encoder.encode(value)
///     }
///     func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
///         let decoder = JSONDecoder()
///         decoder.keyDecodingStrategy = .convertFromSnakeCase
///         return try decoder.decode(type, from: data)
///     }
/// }
///
/// try await PostgresJSONCoding.$coder.withValue(SnakeCase()) {
///     try await connection.query("UPDATE vmm SET spec = \(PostgresJSON(spec)) WHERE id = \(id)")
/// }
/// ```
/// What it throws becomes `encodingFailed` or `decodingFailed`, without the value.
public protocol PostgresJSONCoder: Sendable {
    /// The value as JSON in UTF-8.
    func encode<Value: Encodable>(_ value: Value) throws -> Data
    /// The value that the JSON, in UTF-8, stands for.
    func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value
}

/// Who writes and reads JSON for the present task and those that it starts.
public enum PostgresJSONCoding {
    /// By default Foundation's `JSONEncoder` and `JSONDecoder` as they come.
    ///
    /// A value is written when it is interpolated into a query, and read when a row is decoded.
    @TaskLocal public static var coder: any PostgresJSONCoder = FoundationJSONCoder()

    private struct FoundationJSONCoder: PostgresJSONCoder {
        func encode<Value: Encodable>(_ value: Value) throws -> Data {
            try JSONEncoder().encode(value)
        }

        func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
            try JSONDecoder().decode(type, from: data)
        }
    }
}
