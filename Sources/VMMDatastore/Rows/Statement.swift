import Postgres

/// A statement whose text is made once and whose parameters come from a value.
struct Statement<Value>: Sendable {
    private let parameters: [Parameter<Value>]
    /// The text with its numbered placeholders: always the same storage, which is found prepared without being compared.
    private let sql: String

    /// - Parameters:
    ///   - sql: The text, with `$?` where the next parameter goes. A parameter that is needed again is written by its
    ///     number.
    ///   - parameters: What is bound, one for each `$?`, in order.
    init(_ sql: String, binding parameters: [Parameter<Value>]) {
        self.parameters = parameters
        let pieces = sql.split(separator: "$?", omittingEmptySubsequences: false)
        assert(pieces.count == parameters.count + 1, "the statement needs one value for each parameter")
        self.sql = pieces.dropFirst().enumerated().reduce(String(pieces.first ?? "")) { text, piece in
            "\(text)$\(piece.offset + 1)\(piece.element)"
        }
    }

    /// The statement with the value's parameters.
    func query(_ value: Value) -> PostgresQuery {
        var query = PostgresQuery(unsafeSQL: sql, parameterCount: parameters.count)
        for parameter in parameters { parameter.bind(value, to: &query) }
        return query
    }

    /// The statement with arrays of the values' parameters.
    func query(all values: [Value]) -> PostgresQuery {
        var query = PostgresQuery(unsafeSQL: sql, parameterCount: parameters.count)
        for parameter in parameters { parameter.bind(all: values, to: &query) }
        return query
    }
}
