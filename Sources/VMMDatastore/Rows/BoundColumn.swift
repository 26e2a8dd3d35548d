import Postgres

/// A column and the part of a value that is bound to it.
///
/// Lists of these are the one place where names of columns and what goes into them stand side by side.
struct BoundColumn<Value>: Sendable {
    let name: String
    private let bindValue: @Sendable (Value, inout PostgresQuery.StringInterpolation) -> Void

    init<Bound: PostgresEncodable>(_ name: String, _ bound: @escaping @Sendable (Value) -> Bound) {
        self.name = name
        bindValue = { value, query in query.appendInterpolation(bound(value)) }
    }

    private init<Part>(_ column: BoundColumn<Part>, of part: @escaping @Sendable (Value) -> Part) {
        name = column.name
        bindValue = { value, query in column.bind(part(value), to: &query) }
    }

    /// Appends the value as the query's next parameter.
    func bind(_ value: Value, to query: inout PostgresQuery.StringInterpolation) {
        bindValue(value, &query)
    }

    /// The columns of a part, as columns of the whole.
    static func columns<Part>(
        _ columns: [BoundColumn<Part>],
        of part: @escaping @Sendable (Value) -> Part
    ) -> [BoundColumn<Value>] {
        columns.map { BoundColumn($0, of: part) }
    }
}
