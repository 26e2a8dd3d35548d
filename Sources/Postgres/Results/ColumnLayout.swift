/// A column of a result.
public struct PostgresColumn: Sendable, Hashable {
    /// Its name, as the statement gives it.
    public let name: String
    /// Its type.
    public let type: PostgresType
}

/// Names and types of a statement's columns, found out once for each statement and shared by its results.
final class ColumnLayout: Sendable {
    let columns: [PostgresColumn]
    private let isText: Bool
    private let types: PostgresTypeCatalog
    /// Found out once for a record type, used for each row.
    private let records = Lock<[ObjectIdentifier: RecordLayout]>([:])

    /// - Parameters:
    ///   - result: The result, or what describes one that will come as binary COPY.
    ///   - types: What is known of the database's types.
    ///   - isDescription: Whether it is such a description, whose values come in another form than it says.
    init(of result: ResultHandle, _ types: PostgresTypeCatalog, isDescription: Bool = false) {
        columns = (0..<result.columnCount).map { column in
            PostgresColumn(name: result.columnName(column), type: result.columnType(column))
        }
        isText = !isDescription && result.columnCount > 0 && result.isText(0)
        self.types = types
    }

    /// The error at its column and row, with the names of the types that are known.
    func located(_ error: PostgresError, column: Int, row: Int) -> PostgresError {
        var located = error
        located.message = "column \"\(columns[column].name)\", row \(row + 1): \(types.naming(error.message))"
        return located
    }

    /// - Throws: `decodingFailed` when the result has no such column, or two.
    func index(of name: String) throws(PostgresError) -> Int {
        guard let index = columns.firstIndex(where: { $0.name == name }) else {
            let names = columns.map(\.name).joined(separator: ", ")
            throw PostgresError(.decodingFailed, "the result has no column \"\(name)\"; it has: \(names)")
        }
        guard columns[(index + 1)...].allSatisfy({ $0.name != name }) else {
            throw PostgresError(.decodingFailed, "the result has more than one column \"\(name)\"; give them aliases")
        }
        return index
    }

    /// - Throws: `decodingFailed` when values of the column cannot be read as `type`.
    func check<Value: PostgresDecodable>(_ column: Int, as _: Value.Type) throws(PostgresError) {
        guard columns.indices.contains(column) else {
            throw PostgresError(
                .decodingFailed,
                "the result has \(columns.count) columns; there is no number \(column)"
            )
        }
        guard !isText else {
            throw PostgresError(.decodingFailed, "results of scripts are text; run the statement as a query to read it")
        }
        guard Value.canDecode(columns[column].type) else {
            throw PostgresError(
                .decodingFailed,
                "column \"\(columns[column].name)\" has type \(types.naming(columns[column].type.description)), "
                    + "which cannot be read as \(Value.self)"
            )
        }
    }

    /// The layout of a record, its columns looked up by name the first time.
    func recordLayout<Record: PostgresRecord>(of _: Record.Type) throws(PostgresError) -> RecordLayout {
        let key = ObjectIdentifier(Record.self)
        if let known = records.withLock({ $0[key] }) { return known }
        var positions: [Int] = []
        for name in Record.columnNames { positions.append(try index(of: name)) }
        let layout = RecordLayout(positions: positions)
        records.withLock { $0[key] = layout }
        return layout
    }

    /// Reads a row as a record of that layout.
    ///
    /// Types are the statement's, not the row's: where one row had all its columns checked, they hold for all.
    func decode<Record: PostgresRecord>(
        _ row: Int,
        of result: ResultHandle,
        as known: inout RecordLayout
    ) throws(PostgresError) -> Record {
        var columns = PostgresRecordColumns(result: result, layout: self, row: row, record: known)
        let record = try Record(from: &columns)
        if !known.areTypesChecked, columns.areAllTaken {
            known.areTypesChecked = true
            let checked = known
            records.withLock { $0[ObjectIdentifier(Record.self)] = checked }
        }
        return record
    }
}

/// Where the columns of a record are in a result, and whether their types are known to be right.
struct RecordLayout: Sendable {
    let positions: [Int]
    var areTypesChecked = false
}
