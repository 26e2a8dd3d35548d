import Synchronization

/// The rows of a statement, read as they come from the server; see ``PostgresConnection/withRows(_:timeout:_:)``.
///
/// They can be read once, by one task at a time, and only within the scope that lends them.
public struct PostgresRowStream: AsyncSequence, Sendable {
    /// A row.
    public typealias Element = PostgresRow
    /// Every failure is one of this module.
    public typealias Failure = PostgresError

    let source: RowSource

    /// The columns, in order.
    public var columns: [PostgresColumn] { source.layout.columns }

    /// Begins to read; a second time, the first `next` throws `unexpectedResult`.
    public func makeAsyncIterator() -> Iterator { Iterator(source) }

    /// Reads each row as a record.
    public func decode<Record: PostgresRecord>(_: Record.Type = Record.self) -> PostgresRecordStream<Record> {
        PostgresRecordStream(rows: self)
    }

    /// Reads row after row; most calls take one that is at hand.
    public struct Iterator: AsyncIteratorProtocol {
        private let source: RowSource
        private let isFirstReader: Bool
        private var results: [ResultHandle] = []
        private var resultIndex = 0
        private var row = 0

        init(_ source: RowSource) {
            self.source = source
            isFirstReader = source.beginReading()
            if isFirstReader { results = source.first.results }
        }

        /// The next row, or nil at the end.
        ///
        /// - Throws: ``PostgresError``: the statement's, `cancelled`, `deadlineExceeded`, `connectionClosed`, and
        ///   `connectionReturned` after the scope.
        public mutating func next() async throws(PostgresError) -> PostgresRow? {
            try await next(isolation: #isolation)
        }

        /// The next row, or nil at the end.
        ///
        /// - Throws: as ``next()``.
        public mutating func next(isolation: isolated (any Actor)?) async throws(PostgresError) -> PostgresRow? {
            try source.check(isFirstReader)
            while resultIndex < results.count {
                let result = results[resultIndex]
                if row < result.rowCount {
                    defer { row += 1 }
                    return PostgresRow(result: result, layout: source.layout, index: row)
                }
                resultIndex += 1
                row = 0
            }
            (results, resultIndex) = ([], 0)
            guard let batch = try await source.fetch() else { return nil }
            results = batch.results
            return try await next(isolation: isolation)
        }
    }
}

/// The rows of a statement as records; see ``PostgresRowStream/decode(_:)``.
public struct PostgresRecordStream<Record: PostgresRecord>: AsyncSequence, Sendable {
    /// A record.
    public typealias Element = Record
    /// Every failure is one of this module.
    public typealias Failure = PostgresError

    let rows: PostgresRowStream

    /// Begins to read.
    public func makeAsyncIterator() -> Iterator { Iterator(rows: rows.makeAsyncIterator()) }

    /// Reads record after record.
    public struct Iterator: AsyncIteratorProtocol {
        var rows: PostgresRowStream.Iterator
        private var record: RecordLayout?

        init(rows: PostgresRowStream.Iterator) {
            self.rows = rows
        }

        /// The next record, or nil at the end.
        ///
        /// - Throws: as the rows; ``PostgresError`` of code `decodingFailed`, naming the column.
        public mutating func next() async throws(PostgresError) -> Record? {
            try await next(isolation: #isolation)
        }

        /// The next record, or nil at the end.
        ///
        /// - Throws: as ``next()``.
        public mutating func next(isolation: isolated (any Actor)?) async throws(PostgresError) -> Record? {
            guard let row = try await rows.next(isolation: isolation) else { return nil }
            var known = if let record { record } else { try row.layout.recordLayout(of: Record.self) }
            defer { record = known }
            return try row.layout.decode(row.index, of: row.result, as: &known)
        }
    }
}

/// What the readers of a scope share: the way to the session, and whether the scope is still open.
final class RowSource: Sendable {
    let session: Session
    let id: UInt64
    let layout: ColumnLayout
    let first: RowBatch
    private let isOpen = Atomic<Bool>(true)
    private let isBeingRead = Atomic<Bool>(false)

    init(_ session: Session, _ opened: Session.OpenedRows) {
        self.session = session
        id = opened.id
        layout = opened.layout
        first = opened.first
    }

    /// Whether this is the first reader.
    func beginReading() -> Bool {
        !isBeingRead.exchange(true, ordering: .relaxed)
    }

    func endScope() { isOpen.store(false, ordering: .releasing) }

    func check(_ isFirstReader: Bool) throws(PostgresError) {
        guard isOpen.load(ordering: .acquiring) else { throw .scopeEnded }
        guard isFirstReader else { throw PostgresError(.unexpectedResult, "rows of a stream can be read only once") }
    }

    func fetch() async throws(PostgresError) -> RowBatch? { try await session.fetch(id) }
}
