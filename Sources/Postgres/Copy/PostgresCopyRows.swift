extension PostgresConnection {
    /// Runs a query as COPY TO STDOUT in binary form and lends its rows while they come, to be read with their types.
    ///
    /// ```swift
    /// try await connection.copyRows("SELECT id, rack FROM sled") { rows in
    ///     for try await row in rows {
    ///         let (id, rack) = try row.decode(UUID.self, String?.self)
    ///     }
    /// }
    /// ```
    /// The fastest way out for many rows; ``withRows(_:timeout:_:)`` also takes parameters and reads records. Leaving
    /// early makes the server stop when much is left. The columns are asked for before: only in a transaction is it
    /// certain that no migration changes them in between, and behind a pooler in transaction mode it needs one.
    ///
    /// - Parameters:
    ///   - query: What to copy: any statement with rows, without bound values, which COPY does not take.
    ///   - timeout: How long it may take, with reading its rows; nil takes the configuration's `queryTimeout`.
    ///   - body: Reads the rows.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws; ``PostgresError`` as ``withRows(_:timeout:_:)``, `encodingFailed` for a query with
    ///   bound values, `unexpectedResult` for a statement without rows. The corresponding libpq functions are
    ///   `PQsendDescribePrepared` and `PQgetCopyData`.
    public func copyRows<R>(
        _ query: PostgresQuery,
        timeout: Duration? = nil,
        _ body: (PostgresCopyRows) async throws -> R
    ) async throws -> R {
        try checkLease()
        return try await observed(query.sql) {
            let source = RowSource(session, try await session.openCopyRows(query, timeout: timeout))
            return try await lend(source) { try await body(PostgresCopyRows(source: source)) }
        }
    }
}

/// The rows of a COPY in binary form; see ``PostgresConnection/copyRows(_:timeout:_:)``.
///
/// They can be read once, by one task at a time, and only within the scope that lends them.
public struct PostgresCopyRows: AsyncSequence, Sendable {
    /// A row.
    public typealias Element = PostgresCopyRow
    /// Every failure is one of this module.
    public typealias Failure = PostgresError

    let source: RowSource

    /// The columns, in order.
    public var columns: [PostgresColumn] { source.layout.columns }

    /// Begins to read; a second time, the first `next` throws `unexpectedResult`.
    public func makeAsyncIterator() -> Iterator { Iterator(source) }

    /// Reads row after row; most calls take one that is at hand.
    public struct Iterator: AsyncIteratorProtocol {
        private var chunks: PostgresCopyChunks.Iterator
        private let layout: ColumnLayout
        private var parser: CopyRowParser
        private var count = 0

        init(_ source: RowSource) {
            chunks = PostgresCopyChunks.Iterator(source)
            layout = source.layout
            parser = CopyRowParser(columnCount: source.layout.columns.count)
        }

        /// The next row, or nil at the end.
        ///
        /// - Throws: ``PostgresError``: the statement's, `cancelled`, `deadlineExceeded`, `connectionClosed`,
        ///   `decodingFailed` for what is no COPY in binary form, and `connectionReturned` after the scope.
        public mutating func next() async throws(PostgresError) -> PostgresCopyRow? {
            try await next(isolation: #isolation)
        }

        /// The next row, or nil at the end.
        ///
        /// - Throws: as ``next()``.
        public mutating func next(isolation: isolated (any Actor)?) async throws(PostgresError) -> PostgresCopyRow? {
            while true {
                if let (bytes, fields) = try parser.next() {
                    defer { count += 1 }
                    return PostgresCopyRow(layout: layout, bytes: bytes, fields: fields, index: count)
                }
                guard let chunk = try await chunks.next(isolation: isolation) else {
                    try parser.expectEnd()
                    return nil
                }
                parser.append(chunk)
            }
        }
    }
}

/// One row of a COPY in binary form.
public struct PostgresCopyRow: Sendable {
    let layout: ColumnLayout
    let bytes: [UInt8]
    let fields: [Range<Int>?]
    let index: Int

    /// Reads a column by name.
    ///
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
        do throws(PostgresError) {
            guard let range = fields[column] else { return try Value.decodeNull() }
            return unsafe try Value.decode(bytes.span.bytes.extracting(range), type: layout.columns[column].type)
        } catch {
            throw layout.located(error, column: column, row: index)
        }
    }

    /// Reads the row's columns in order, one for each type.
    ///
    /// - Throws: as ``decode(_:as:)``; also when the row has another number of columns.
    public func decode<each Value: PostgresDecodable>(
        _ types: repeat (each Value).Type
    ) throws(PostgresError) -> (repeat each Value) {
        var wanted = 0
        for _ in repeat each types { wanted += 1 }
        guard wanted == fields.count else {
            throw PostgresError(.decodingFailed, "the COPY has \(fields.count) columns where \(wanted) were expected")
        }
        var column = -1
        func next<T: PostgresDecodable>(_ type: T.Type) throws(PostgresError) -> T {
            column += 1
            return try decode(at: column, as: type)
        }
        return (repeat try next(each types))
    }
}

/// Finds the rows in the bytes of a COPY in binary form, which may be cut anywhere.
///
/// The form is described in the manual's page of COPY, "Binary Format".
struct CopyRowParser {
    static let signature: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF] + Array("\r\n".utf8) + [0]

    let columnCount: Int
    private var bytes: [UInt8] = []
    private var position = 0
    private var hasHeader = false
    private var isAtEnd = false

    init(columnCount: Int) {
        self.columnCount = columnCount
    }

    /// Most chunks begin where a row does, and are kept as they are.
    mutating func append(_ chunk: [UInt8]) {
        if position == bytes.count {
            bytes = chunk
        } else {
            bytes.removeFirst(position)
            bytes += chunk
        }
        position = 0
    }

    /// The next row that is complete, as the places of its fields in the bytes; nil when more bytes are needed.
    ///
    /// - Throws: `decodingFailed`.
    mutating func next() throws(PostgresError) -> (bytes: [UInt8], fields: [Range<Int>?])? {
        guard !isAtEnd else { return nil }
        if !hasHeader {
            guard try takeHeader() else { return nil }
        }
        var end = position
        guard let count: Int16 = take(&end) else { return nil }
        guard count != -1 else {
            isAtEnd = true
            position = end
            return nil
        }
        guard count == columnCount else {
            throw PostgresError(
                .decodingFailed,
                "a row of the COPY has \(count) fields where \(columnCount) were expected"
            )
        }
        var fields: [Range<Int>?] = []
        fields.reserveCapacity(columnCount)
        for _ in 0..<columnCount {
            guard let length: Int32 = take(&end) else { return nil }
            guard length != -1 else {
                fields.append(nil)
                continue
            }
            guard length >= 0 else {
                throw PostgresError(.decodingFailed, "a field of the COPY has a length below zero")
            }
            guard bytes.count - end >= Int(length) else { return nil }
            fields.append(end..<end + Int(length))
            end += Int(length)
        }
        position = end
        return (bytes, fields)
    }

    /// - Throws: `decodingFailed` when the end mark has not come, or something after it.
    func expectEnd() throws(PostgresError) {
        guard isAtEnd, position == bytes.count else {
            throw PostgresError(.decodingFailed, "the COPY ended without its end mark")
        }
    }

    /// The signature, flags, and an extension that is skipped; false when more bytes are needed.
    private mutating func takeHeader() throws(PostgresError) -> Bool {
        var end = position + Self.signature.count
        guard bytes.count >= end + 8 else { return false }
        guard bytes[position..<end].elementsEqual(Self.signature) else {
            throw PostgresError(.decodingFailed, "the COPY is not in binary form")
        }
        guard let _: Int32 = take(&end), let length: Int32 = take(&end) else { return false }
        guard length >= 0 else { throw PostgresError(.decodingFailed, "the COPY's header has a length below zero") }
        guard bytes.count - end >= Int(length) else { return false }
        position = end + Int(length)
        hasHeader = true
        return true
    }

    private func take<Integer: FixedWidthInteger & BitwiseCopyable>(_ position: inout Int) -> Integer? {
        let size = MemoryLayout<Integer>.size
        guard bytes.count - position >= size else { return nil }
        defer { position += size }
        return unsafe bytes.span.bytes.bigEndian(at: position)
    }
}
