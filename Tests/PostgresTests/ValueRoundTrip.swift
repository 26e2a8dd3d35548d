import Postgres
import TestSupport
import Testing

/// Lends a connection whose texts are as the values describe themselves.
func withValueConnection(_ body: (PostgresConnection) async throws -> Void) async throws {
    try await withDatabase { database in
        try await database.connect({ $0.settings["TimeZone"] = "UTC" }, body)
    }
}

/// Sends the values as an array and the first of them alone, and compares what comes back: the values, and the texts
/// that the server prints for them.
func expectRoundTrips<Value: PostgresCodable & Equatable>(
    _ values: [Value],
    as type: String,
    on connection: PostgresConnection,
    text: (Value) -> String
) async throws {
    let rows = try await connection.query(
        """
        SELECT v, v::text FROM unnest(\(values)::\(unsafeSQL: type)[]) WITH ORDINALITY AS t(v, n) ORDER BY n
        """
    )
    try #require(rows.count == values.count)
    for (value, row) in zip(values, rows) {
        let (read, printed) = try row.decode(Value.self, String.self)
        #expect(read == value)
        #expect(printed == text(value))
    }
    for value in values.prefix(30) {
        let row = try await connection.query("SELECT \(value), (\(value)::\(unsafeSQL: type))::text").one()
        let (read, printed) = try row.decode(Value.self, String.self)
        #expect(read == value)
        #expect(printed == text(value))
    }
}

extension LosslessStringConvertible where Self: PostgresCodable & Equatable {
    /// As the other; the texts are also read back, by us and by the server.
    static func expectRoundTrips(_ values: [Self], as type: String, on connection: PostgresConnection) async throws {
        try await PostgresTests.expectRoundTrips(values, as: type, on: connection) { $0.description }
        for value in values { #expect(Self(value.description) == value, "\(value)") }
        let texts = values.map(\.description)
        let rows = try await connection.query(
            """
            SELECT v::\(unsafeSQL: type) FROM unnest(\(texts)) WITH ORDINALITY AS t(v, n) ORDER BY n
            """
        )
        for (value, row) in zip(values, rows) { #expect(try row.decode(at: 0, as: Self.self) == value) }
    }
}

/// Decodes bytes that need not come from a server.
func decode<Value: PostgresDecodable>(
    _ bytes: [UInt8],
    as _: Value.Type,
    type: PostgresType
) throws(PostgresError) -> Value {
    try Value.decode(bytes.span.bytes, type: type)
}
