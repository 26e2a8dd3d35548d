/// A column that COPY writes to: what its values must look like.
@usableFromInline
struct CopyColumn: Sendable {
    let name: String
    /// The type, or of a domain the type beneath it.
    @usableFromInline
    let type: PostgresType
    /// As SQL writes it, for messages.
    let typeName: String
    /// Whether its binary form is the text: an enum, or a type of strings.
    let isTextual: Bool

    /// COPY converts nothing: a value has to have the column's own type.
    @usableFromInline
    func check<Value: PostgresEncodable>(_: Value.Type) throws(PostgresError) {
        let type = Value.postgresType
        if type == self.type { return }
        if isTextual, type == .text || (type == .unknown && Value.postgresFormat == .text) { return }
        if type == .unknown, Value.postgresFormat == .binary { return }
        throw PostgresError(
            .encodingFailed,
            "column \"\(name)\" is of type \(typeName); \(Value.self) cannot be copied into it",
            nothingWasSent: true
        )
    }

    /// The columns of a table that can be written, in order.
    static func query(ofTable table: String) -> PostgresQuery {
        """
        SELECT a.attname::text, t.oid::bigint, pg_catalog.format_type(a.atttypid, a.atttypmod),
               t.typtype = 'e' OR t.typcategory = 'S'
        FROM pg_catalog.pg_attribute a
        JOIN pg_catalog.pg_type d ON d.oid = a.atttypid
        JOIN pg_catalog.pg_type t ON t.oid = CASE d.typtype WHEN 'd' THEN d.typbasetype ELSE d.oid END
        WHERE a.attrelid = pg_catalog.to_regclass(\(table))
          AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        ORDER BY a.attnum
        """
    }

    init(_ row: PostgresRow) throws(PostgresError) {
        let (name, oid, typeName, isTextual) = try row.decode(String.self, Int.self, String.self, Bool.self)
        self.name = name
        type = PostgresType(rawValue: UInt32(truncatingIfNeeded: oid))
        self.typeName = typeName
        self.isTextual = isTextual
    }
}
