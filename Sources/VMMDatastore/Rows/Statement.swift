import Postgres

/// A statement whose text is made once and whose parameters come from a value.
struct Statement<Value>: Sendable {
    private let parameters: [Parameter<Value>]
    /// What stands before, between and behind the parameters.
    private let pieces: [String]
    private let capacity: Int

    /// - Parameters:
    ///   - sql: The text, with `$?` where the next parameter goes. A parameter that is needed again is written by its
    ///     number.
    ///   - parameters: What is bound, one for each `$?`, in order.
    init(_ sql: String, binding parameters: [Parameter<Value>]) {
        self.parameters = parameters
        pieces = sql.split(separator: "$?", omittingEmptySubsequences: false).map(String.init)
        assert(pieces.count == parameters.count + 1, "the statement needs one value for each parameter")
        capacity = sql.utf8.count
    }

    /// The statement with the value's parameters; the text is the same each time, so it stays prepared.
    func query(_ value: Value) -> PostgresQuery {
        query { parameter, query in parameter.bind(value, to: &query) }
    }

    /// The statement with arrays of the values' parameters.
    func query(all values: [Value]) -> PostgresQuery {
        query { parameter, query in parameter.bind(all: values, to: &query) }
    }

    private func query(
        binding bind: (Parameter<Value>, inout PostgresQuery.StringInterpolation) -> Void
    ) -> PostgresQuery {
        var query = PostgresQuery.StringInterpolation(literalCapacity: capacity, interpolationCount: parameters.count)
        for (index, piece) in pieces.enumerated() {
            query.appendLiteral(piece)
            if index < parameters.count { bind(parameters[index], &query) }
        }
        return PostgresQuery(stringInterpolation: query)
    }
}
