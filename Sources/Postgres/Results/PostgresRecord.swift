/// A type that is read from the columns of a row, found by name.
///
/// The names are looked up once for each statement; then each row is read by position. The order of
/// ``columnNames`` is the order in which the initialiser reads, whatever the order in the statement.
///
/// ```swift
/// struct SledRow: PostgresRecord {
///     static let columnNames = ["id", "rack"]
///     let id: UUID
///     let rack: String?
///
///     init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
///         id = try columns.next()
///         rack = try columns.next()
///     }
/// }
/// ```
public protocol PostgresRecord: Sendable {
    /// The columns that are read, in the order in which the initialiser reads them.
    static var columnNames: [String] { get }

    /// Reads one row.
    ///
    /// - Throws: ``PostgresError`` of code `decodingFailed`.
    init(from columns: inout PostgresRecordColumns) throws(PostgresError)
}

/// The columns of one row, in the order that a record named them.
public struct PostgresRecordColumns {
    let result: ResultHandle
    let layout: ColumnLayout
    let row: Int
    let positions: [Int]
    @usableFromInline
    let checksTypes: Bool
    private var taken = 0

    init(result: ResultHandle, layout: ColumnLayout, row: Int, record: RecordLayout) {
        self.result = result
        self.layout = layout
        self.row = row
        positions = record.positions
        checksTypes = !record.areTypesChecked
    }

    var areAllTaken: Bool { taken == positions.count }

    /// Reads the next column.
    ///
    /// - Throws: ``PostgresError`` of code `decodingFailed`, naming column and row; also when the record reads more
    ///   columns than it names.
    @inlinable
    public mutating func next<Value: PostgresDecodable>(
        as _: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        let column = try takeColumn()
        if checksTypes { try check(column, as: Value.self) }
        let (bytes, type) = unsafe value(in: column)
        do throws(PostgresError) {
            return unsafe try decodeValue(bytes, as: Value.self, type: type)
        } catch {
            throw located(error, in: column)
        }
    }

    // Not generic: what is inlined elsewhere, so that reading a value is specialised for its type, calls these.

    @usableFromInline
    mutating func takeColumn() throws(PostgresError) -> Int {
        guard taken < positions.count else {
            throw PostgresError(.decodingFailed, "the record reads more columns than its columnNames has")
        }
        defer { taken += 1 }
        return positions[taken]
    }

    @usableFromInline
    func check<Value: PostgresDecodable>(_ column: Int, as type: Value.Type) throws(PostgresError) {
        try layout.check(column, as: type)
    }

    /// The value's bytes, which live as long as the result does; nil for NULL.
    @usableFromInline
    func value(in column: Int) -> (bytes: UnsafeRawBufferPointer?, type: PostgresType) {
        unsafe (result.bytes(row: row, column: column), layout.columns[column].type)
    }

    @usableFromInline
    func located(_ error: PostgresError, in column: Int) -> PostgresError {
        layout.located(error, column: column, row: row)
    }
}

extension PostgresRow {
    /// Reads the row as a record.
    ///
    /// - Throws: ``PostgresError`` of code `decodingFailed`, naming column and row.
    public func decode<Record: PostgresRecord>(record _: Record.Type = Record.self) throws(PostgresError) -> Record {
        var known = try layout.recordLayout(of: Record.self)
        return try layout.decode(index, of: result, as: &known)
    }
}
