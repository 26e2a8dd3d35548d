import Postgres

/// What a column of a table has to be.
struct ColumnDefinition: Hashable, Sendable {
    let name: String
    /// The column's place in the table, from 1.
    let position: Int
    /// As `format_type` spells it.
    let type: String
    let isNullable: Bool
}

/// A value that a statement is given, as part of a larger one.
struct Parameter<Value>: Sendable {
    /// The type to which the server is told to convert an array of these.
    let type: String
    private let bindOne: @Sendable (Value, inout PostgresQuery) -> Void
    private let bindMany: @Sendable ([Value], inout PostgresQuery) -> Void

    init<Bound: ColumnValue>(_ bound: @escaping @Sendable (Value) -> Bound) {
        type = Bound.columnType
        bindOne = { value, query in query.bind(bound(value)) }
        bindMany = { values, query in query.bind(values.map(bound)) }
    }

    init<Part>(_ parameter: Parameter<Part>, of part: @escaping @Sendable (Value) -> Part) {
        type = parameter.type
        bindOne = { value, query in parameter.bindOne(part(value), &query) }
        bindMany = { values, query in parameter.bindMany(values.map(part), &query) }
    }

    /// Appends the value as the query's next parameter.
    func bind(_ value: Value, to query: inout PostgresQuery) {
        bindOne(value, &query)
    }

    /// Appends one array that holds the parameter of each value.
    func bind(all values: [Value], to query: inout PostgresQuery) {
        bindMany(values, &query)
    }
}

/// A column of a table and the part of a value that is bound to it.
///
/// Lists of these are the one place where names of columns and what goes into them stand side by side.
struct BoundColumn<Value>: Sendable {
    let definition: ColumnDefinition
    let parameter: Parameter<Value>

    var name: String { definition.name }

    /// - Parameters:
    ///   - name: The column.
    ///   - position: Its place in the table, from 1. The datastore itself goes by names; a schema in which the column is
    ///     elsewhere is not the one that the migrations make.
    ///   - bound: What is bound to it; its type says what the column must be.
    init<Bound: ColumnValue>(_ name: String, at position: Int, _ bound: @escaping @Sendable (Value) -> Bound) {
        definition = ColumnDefinition(
            name: name,
            position: position,
            type: Bound.columnType,
            isNullable: Bound.isNullable
        )
        parameter = Parameter(bound)
    }

    private init<Part>(_ column: BoundColumn<Part>, of part: @escaping @Sendable (Value) -> Part) {
        definition = column.definition
        parameter = Parameter(column.parameter, of: part)
    }

    /// The columns of a part, as columns of the whole.
    static func columns<Part>(
        _ columns: [BoundColumn<Part>],
        of part: @escaping @Sendable (Value) -> Part
    ) -> [BoundColumn<Value>] {
        columns.map { BoundColumn($0, of: part) }
    }
}
