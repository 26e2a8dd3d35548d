import Postgres

extension Datastore {
    /// Compares the database's schema with what the datastore's statements need: columns, their order, types and
    /// nullability, and the labels of enums.
    ///
    /// A service calls this when it starts, so that it does not find out by its first failing statement.
    ///
    /// ```swift
    /// for difference in try await datastore.checkSchema() { logger.notice("\(difference)") }
    /// ```
    /// - Returns: Differences that are no obstacle, such as a column that a later release has added.
    /// - Throws: ``SchemaMismatch`` when there are others; `PostgresError`.
    @discardableResult
    public func checkSchema() async throws -> [SchemaDifference] {
        let (found, fillable) = try await read(
            in: TransactionOptions(isolation: .repeatableRead, isReadOnly: true)
        ) { session in
            try await SchemaDescription.read(SchemaDescription.expected, on: session)
        }
        let differences = SchemaDescription.expected.differences(of: found, fillable: fillable)
        guard !differences.contains(where: \.preventsService) else { throw SchemaMismatch(differences: differences) }
        return differences
    }
}

extension SchemaDescription {
    /// Reads from the catalog what a description names, as the connection's `search_path` finds it.
    ///
    /// - Returns: What there is, and the columns (`table.column`) that have a default or fill themselves.
    static func read(
        _ wanted: SchemaDescription,
        on session: some QueryRunner
    ) async throws -> (found: SchemaDescription, fillable: Set<String>) {
        var description = SchemaDescription(tables: [:], enums: [:])
        var fillable: Set<String> = []
        let columns = try await session.run(
            """
            SELECT name, attname::text, row_number() OVER (PARTITION BY name ORDER BY attnum),
              format_type(atttypid, atttypmod), NOT attnotnull, atthasdef OR attidentity <> ''
            FROM unnest(\(Array(wanted.tables.keys))::text[]) AS name
            JOIN pg_attribute ON attrelid = to_regclass(name) AND attnum > 0 AND NOT attisdropped
            ORDER BY name, attnum
            """
        )
        for row in columns {
            let (table, name, position, type, isNullable, isFilled) = try row.decode(
                String.self,
                String.self,
                Int.self,
                String.self,
                Bool.self,
                Bool.self
            )
            description.tables[table, default: []].append(
                ColumnDefinition(name: name, position: position, type: type, isNullable: isNullable)
            )
            if isFilled { fillable.insert("\(table).\(name)") }
        }
        let labels = try await session.run(
            """
            SELECT name, enumlabel::text FROM unnest(\(Array(wanted.enums.keys))::text[]) AS name
            JOIN pg_enum ON enumtypid = to_regtype(name) ORDER BY name, enumsortorder
            """
        )
        for row in labels {
            let (name, label) = try row.decode(String.self, String.self)
            description.enums[name, default: []].append(label)
        }
        return (description, fillable)
    }
}
