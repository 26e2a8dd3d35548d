/// Writes rows of a COPY in binary form; see ``PostgresConnection/copy(into:schema:columns:timeout:_:)``.
///
/// Valid within the scope that lends it.
public final class PostgresCopyWriter {
    private let bytes: PostgresCopyByteWriter
    @usableFromInline
    let columns: [CopyColumn]
    /// Of the columns' own types, for values whose types are known by name.
    private let types: [PostgresType: PostgresTypeInfo]
    /// The rows that are not handed on yet.
    @usableFromInline
    var rows = PostgresEncoder()

    /// Rows written so far.
    public private(set) var rowCount = 0

    /// Rows are handed on once there are as many bytes of them.
    private static let flushSize = 64 << 10

    init(_ bytes: PostgresCopyByteWriter, columns: [CopyColumn], types: [PostgresType: PostgresTypeInfo]) {
        self.bytes = bytes
        self.types = types
        self.columns = columns
        rows.append(contentsOf: CopyRowParser.signature)
        // No flags, no extension of the header.
        rows.append(Int64(0))
    }

    /// Writes one row: a value for each column, in their order.
    ///
    /// Waits while the server is behind.
    ///
    /// - Throws: ``PostgresError`` of code `encodingFailed` naming the column when a value has not its type (COPY
    ///   converts nothing) or the number of values is another; the row is then not written, and others can be. `server`
    ///   when the server has refused an earlier row; `cancelled`, `deadlineExceeded`, `connectionClosed`.
    @inlinable
    public func write<each Value: PostgresEncodable>(_ values: repeat each Value) async throws(PostgresError) {
        // Moved to a local variable and back: each append to the object's own would be checked for another's access.
        var rows = PostgresEncoder(empty: ())
        swap(&rows, &self.rows)
        let start = rows.byteCount
        do throws(PostgresError) {
            try encode(repeat each values, to: &rows)
        } catch {
            rows.truncate(to: start)
            swap(&rows, &self.rows)
            throw error
        }
        swap(&rows, &self.rows)
        if endRow() { try await flush() }
    }

    /// Inlined where the types are known, so that encoding is specialised for them.
    @inlinable
    func encode<each Value: PostgresEncodable>(
        _ values: repeat each Value,
        to rows: inout PostgresEncoder
    ) throws(PostgresError) {
        rows.append(Int16(truncatingIfNeeded: columns.count))
        var index = 0
        for value in repeat each values {
            if index < columns.count { try encode(value, at: index, to: &rows) }
            index += 1
        }
        guard index == columns.count else { throw wrongCount(index) }
    }

    @inlinable
    func encode<Value: PostgresEncodable>(
        _ value: Value,
        at index: Int,
        to rows: inout PostgresEncoder
    ) throws(PostgresError) {
        // Asked here as well: nearly always it is the column's own, and no call is needed.
        if Value.postgresType != columns[index].type { try columns[index].check(Value.self) }
        rows.append(Int32(-1))
        let start = rows.byteCount
        do throws(PostgresError) {
            try value.encode(to: &rows)
            if Value.postgresTypeName != nil { try resolve(from: start, at: index, in: &rows) }
        } catch {
            throw located(error, at: index, in: &rows)
        }
        if !rows.endField(from: start) { throw tooLong(at: index) }
    }

    @usableFromInline
    func wrongCount(_ count: Int) -> PostgresError {
        PostgresError(
            .encodingFailed,
            "a row of \(count) values was given where \(columns.count) columns are copied",
            nothingWasSent: true
        )
    }

    @usableFromInline
    func tooLong(at index: Int) -> PostgresError {
        PostgresError(.encodingFailed, "column \"\(columns[index].name)\": the value has more than 1 GiB")
    }

    @usableFromInline
    func located(_ error: PostgresError, at index: Int, in rows: inout PostgresEncoder) -> PostgresError {
        _ = rows.takeNull()
        var located = error
        located.message = "column \"\(columns[index].name)\": \(error.message)"
        return located
    }

    @usableFromInline
    func resolve(from start: Int, at index: Int, in rows: inout PostgresEncoder) throws(PostgresError) {
        guard !rows.isNull else { return }
        // Moved there and back: a copy of all rows would be made otherwise.
        var resolver = TypeResolver(types: types, encoder: PostgresEncoder(empty: ()))
        swap(&resolver.encoder, &rows)
        defer { swap(&resolver.encoder, &rows) }
        try resolver.resolve(start..<resolver.encoder.bytes.count, as: columns[index].type)
    }

    /// Counts the row; returns whether it is time to hand on what there is.
    @usableFromInline
    func endRow() -> Bool {
        rowCount += 1
        return rows.byteCount >= Self.flushSize
    }

    @usableFromInline
    func flush() async throws(PostgresError) {
        // Moved there and back: the next rows would need new memory otherwise.
        var full = PostgresEncoder(empty: ())
        swap(&full, &rows)
        defer {
            full.truncate(to: 0)
            swap(&full, &rows)
        }
        try await bytes.write(full.bytes)
    }

    /// Writes what is left and the end mark.
    func finish() async throws(PostgresError) {
        rows.append(Int16(-1))
        try await flush()
    }
}

/// Writes the bytes of a COPY; see ``PostgresConnection/copyIn(_:timeout:_:)``.
///
/// Valid within the scope that lends it.
public final class PostgresCopyByteWriter {
    private let session: Session
    private let id: UInt64

    init(_ session: Session, _ id: UInt64) {
        self.session = session
        self.id = id
    }

    /// Writes bytes, cut anywhere; waits while the server is behind.
    ///
    /// - Throws: ``PostgresError`` of code `server` when the server has refused what came before; `cancelled`,
    ///   `deadlineExceeded`, `connectionClosed`, and `connectionReturned` after the scope.
    public func write(_ bytes: [UInt8]) async throws(PostgresError) {
        try await session.putCopyData(bytes, id)
    }
}
