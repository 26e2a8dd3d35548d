/// One row of a result.
public struct PostgresRow: Sendable {
    let result: ResultHandle
    let layout: ColumnLayout
    let index: Int

    /// Reads a column by name.
    ///
    /// ```swift
    /// let name = try row.decode("name", as: String.self)
    /// let deleted = try row.decode("time_deleted", as: PostgresTimestamp?.self)   // NULL is nil
    /// ```
    /// - Throws: ``PostgresError`` of code `decodingFailed`: no such column, another type, NULL, or a value out of range.
    public func decode<Value: PostgresDecodable>(
        _ name: String,
        as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        try decode(at: try layout.index(of: name), as: type)
    }

    /// Reads a column by position, from 0.
    ///
    /// - Throws: as ``decode(_:as:)``.
    public func decode<Value: PostgresDecodable>(
        at column: Int,
        as _: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        try layout.check(column, as: Value.self)
        return try result.decode(row: index, column: column, layout: layout)
    }

    /// Reads the row's columns in order, one for each type.
    ///
    /// - Throws: as ``decode(_:as:)``; also when the row has another number of columns.
    public func decode<each Value: PostgresDecodable>(
        _ types: repeat (each Value).Type
    ) throws(PostgresError) -> (repeat each Value) {
        var wanted = 0
        for _ in repeat each types { wanted += 1 }
        guard wanted == layout.columns.count else {
            throw PostgresError(
                .decodingFailed,
                "the result has \(layout.columns.count) columns where \(wanted) were expected"
            )
        }
        var column = -1
        func next<T: PostgresDecodable>(_ type: T.Type) throws(PostgresError) -> T {
            column += 1
            return try decode(at: column, as: type)
        }
        return (repeat try next(each types))
    }
}

extension ResultHandle {
    /// Decodes one value whose column was checked; a failure names column and row.
    @inline(__always)
    func decode<Value: PostgresDecodable>(
        row: Int,
        column: Int,
        layout: ColumnLayout
    ) throws(PostgresError) -> Value {
        do throws(PostgresError) {
            let bytes = unsafe bytes(row: row, column: column)
            return unsafe try decodeValue(bytes, as: Value.self, type: layout.columns[column].type)
        } catch {
            throw layout.located(error, column: column, row: row)
        }
    }
}
