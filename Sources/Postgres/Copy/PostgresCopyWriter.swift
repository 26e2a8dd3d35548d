/// Writes rows of a COPY in binary form; see ``PostgresConnection/copy(into:schema:columns:timeout:_:)``.
///
/// Valid within the scope that lends it.
public final class PostgresCopyWriter {
    private let bytes: PostgresCopyByteWriter
    private let columns: [CopyColumn]
    /// Of the columns' own types, for values whose types are known by name.
    private let types: [PostgresType: PostgresTypeInfo]
    private var encoder = PostgresEncoder()

    /// Rows written so far.
    public private(set) var rowCount = 0

    /// Rows are handed on once there are as many bytes of them.
    private static let flushSize = 64 << 10

    init(_ bytes: PostgresCopyByteWriter, columns: [CopyColumn], types: [PostgresType: PostgresTypeInfo]) {
        self.bytes = bytes
        self.types = types
        self.columns = columns
        encoder.append(contentsOf: CopyRowParser.signature)
        // No flags, no extension of the header.
        encoder.append(Int64(0))
    }

    /// Writes one row: a value for each column, in their order.
    ///
    /// Waits while the server is behind.
    ///
    /// - Throws: ``PostgresError`` of code `encodingFailed` naming the column when a value has not its type (COPY
    ///   converts nothing) or the number of values is another; the row is then not written, and others can be. `server`
    ///   when the server has refused an earlier row; `cancelled`, `deadlineExceeded`, `connectionClosed`.
    public func write<each Value: PostgresEncodable>(_ values: repeat each Value) async throws(PostgresError) {
        let start = encoder.bytes.count
        do throws(PostgresError) {
            try encode(repeat each values)
        } catch {
            encoder.truncate(to: start)
            throw error
        }
        rowCount += 1
        if encoder.bytes.count >= Self.flushSize { try await flush() }
    }

    private func encode<each Value: PostgresEncodable>(_ values: repeat each Value) throws(PostgresError) {
        encoder.append(Int16(truncatingIfNeeded: columns.count))
        var index = 0
        for value in repeat each values {
            if index < columns.count { try encode(value, for: columns[index]) }
            index += 1
        }
        guard index == columns.count else {
            throw PostgresError(
                .encodingFailed,
                "a row of \(index) values was given where \(columns.count) columns are copied",
                nothingWasSent: true
            )
        }
    }

    private func encode<Value: PostgresEncodable>(_ value: Value, for column: CopyColumn) throws(PostgresError) {
        try column.check(Value.self)
        let start = encoder.bytes.count
        encoder.append(Int32(-1))
        do throws(PostgresError) {
            try value.encode(to: &encoder)
            if Value.postgresTypeName != nil, !encoder.isNull { try resolve(from: start + 4, as: column.type) }
        } catch {
            _ = encoder.takeNull()
            var located = error
            located.message = "column \"\(column.name)\": \(error.message)"
            throw located
        }
        guard !encoder.takeNull() else { return encoder.truncate(to: start + 4) }
        let length = encoder.bytes.count - start - 4
        guard length <= ParameterBuffer.maximumLength else {
            throw PostgresError(.encodingFailed, "column \"\(column.name)\": the value has more than 1 GiB")
        }
        encoder.replace(at: start, with: Int32(truncatingIfNeeded: length))
    }

    private func resolve(from start: Int, as type: PostgresType) throws(PostgresError) {
        // Moved there and back: a copy of all rows would be made otherwise.
        var resolver = TypeResolver(types: types, encoder: PostgresEncoder(empty: ()))
        swap(&resolver.encoder, &encoder)
        defer { swap(&resolver.encoder, &encoder) }
        try resolver.resolve(start..<resolver.encoder.bytes.count, as: type)
    }

    private func flush() async throws(PostgresError) {
        let full = encoder.bytes
        encoder.truncate(to: 0)
        try await bytes.write(full)
    }

    /// Writes what is left and the end mark.
    func finish() async throws(PostgresError) {
        encoder.append(Int16(-1))
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
