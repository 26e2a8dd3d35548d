/// The rows that a query returned, held as they came from the server and decoded when asked.
///
/// A value that can be kept and passed between tasks; the bytes are freed with the last copy.
///
/// ```swift
/// let rows = try await connection.query("SELECT id, name FROM sled")
/// for row in rows {
///     let (id, name) = try row.decode(UUID.self, String.self)
/// }
/// ```
public struct PostgresRows: Sendable, RandomAccessCollection {
    let result: ResultHandle
    let layout: ColumnLayout

    /// The columns, in order.
    public var columns: [PostgresColumn] { layout.columns }

    /// What the server says it did.
    public var commandTag: CommandTag { CommandTag(result.commandTag) }

    /// Zero.
    public var startIndex: Int { 0 }

    /// The number of rows.
    public var endIndex: Int { result.rowCount }

    /// The row at a position; like an array's, the position must be one of `indices`.
    public subscript(position: Int) -> PostgresRow {
        precondition(position >= 0 && position < result.rowCount, "row index out of range")
        return PostgresRow(result: result, layout: layout, index: position)
    }

    /// Decodes every row as a record.
    ///
    /// - Throws: ``PostgresError`` of code `decodingFailed`, naming column and row.
    public func decode<Record: PostgresRecord>(_ type: Record.Type = Record.self) throws(PostgresError) -> [Record] {
        var known = try layout.recordLayout(of: Record.self)
        var records: [Record] = []
        records.reserveCapacity(count)
        for index in 0..<result.rowCount { records.append(try layout.decode(index, of: result, as: &known)) }
        return records
    }

    /// The only row, or nil when there is none.
    ///
    /// - Throws: ``PostgresError`` of code `unexpectedResult` when there are several.
    public func zeroOrOne() throws(PostgresError) -> PostgresRow? {
        guard count <= 1 else {
            throw PostgresError(.unexpectedResult, "the query returned \(count) rows where one at most was expected")
        }
        return first
    }

    /// The only row.
    ///
    /// - Throws: ``PostgresError`` of code `unexpectedResult` when there are none or several.
    public func one() throws(PostgresError) -> PostgresRow {
        guard let row = try zeroOrOne() else {
            throw PostgresError(.unexpectedResult, "the query returned no row where one was expected")
        }
        return row
    }
}
