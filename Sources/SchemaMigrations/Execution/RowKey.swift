import Postgres

/// How a row is named to people: by its primary key, and by nothing else that it holds.
struct RowKey: Sendable {
    /// Columns, or `ctid` where there is no key.
    let columns: [String]

    /// The primary key's columns; where the table has none, `ctid` tells where the row is.
    static func of(_ table: QualifiedName, _ connection: PostgresConnection) async throws -> RowKey {
        var query: PostgresQuery = """
            SELECT a.attname::text FROM pg_index AS i
            JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
            WHERE i.indrelid = to_regclass(\(table.sql)) AND i.indisprimary
            ORDER BY array_position(i.indkey::int2[], a.attnum)
            """
        query.isCacheable = false
        let names = try await connection.query(query).map { try $0.decode(at: 0, as: String.self) }
        return RowKey(columns: names.isEmpty ? ["ctid"] : names)
    }

    /// An expression for the key as text, of the table that a query calls `reference`.
    func text(of reference: String) -> String {
        columns.map { name in
            let value = "\(reference).\(QualifiedName.quote(name))::text"
            return "\(PostgresQuery.quote(literal: "\(name) = ")) || coalesce(\(value), 'NULL')"
        }.joined(separator: " || ', ' || ")
    }
}
