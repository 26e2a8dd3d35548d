import Postgres

/// A statement whose text is made once and whose parameters come from the columns of a value.
struct Statement<Value>: Sendable {
    private let columns: [BoundColumn<Value>]
    /// What stands before, between and behind the parameters.
    private let pieces: [String]
    private let capacity: Int

    /// - Parameters:
    ///   - sql: The text, with `$?` where the next column's parameter goes. A parameter that is needed again is written
    ///     by its number.
    ///   - columns: What is bound, one for each `$?`, in order.
    init(_ sql: String, binding columns: [BoundColumn<Value>]) {
        self.columns = columns
        pieces = sql.split(separator: "$?", omittingEmptySubsequences: false).map(String.init)
        assert(pieces.count == columns.count + 1, "the statement needs one column for each parameter")
        capacity = sql.utf8.count
    }

    /// The statement with the value's parameters; the text is the same each time, so it stays prepared.
    func query(_ value: Value) -> PostgresQuery {
        var query = PostgresQuery.StringInterpolation(literalCapacity: capacity, interpolationCount: columns.count)
        for (index, piece) in pieces.enumerated() {
            query.appendLiteral(piece)
            if index < columns.count { columns[index].bind(value, to: &query) }
        }
        return PostgresQuery(stringInterpolation: query)
    }
}
