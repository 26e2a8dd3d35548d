extension PostgresConnection {
    /// Copies rows into a table, the fastest way in: typed values in binary form.
    ///
    /// ```swift
    /// let count = try await connection.copy(into: "sled", columns: ["id", "rack"]) { writer in
    ///     for sled in sleds { try await writer.write(sled.id, sled.rack) }
    /// }
    /// ```
    /// All rows or none: a scope that throws ends the COPY with an error, and so does a cancelled task. The COPY has
    /// the connection until the scope ends; another statement within it throws `unexpectedResult`.
    ///
    /// - Parameters:
    ///   - table: The table's name, not quoted.
    ///   - schema: Its schema; nil looks along the search path.
    ///   - columns: The columns, in the order in which values are written; nil takes all that are not generated.
    ///   - timeout: How long the COPY may take; nil takes the configuration's `queryTimeout`.
    ///   - body: Writes the rows.
    /// - Returns: the number of rows, as the server counts them.
    /// - Throws: what `body` throws; ``PostgresError`` of code `server`, naming the line that was refused; `cancelled`,
    ///   `deadlineExceeded`, `connectionClosed`. The corresponding libpq functions are `PQputCopyData` and
    ///   `PQputCopyEnd`.
    @discardableResult
    public func copy(
        into table: String,
        schema: String? = nil,
        columns: [String]? = nil,
        timeout: Duration? = nil,
        _ body: (PostgresCopyWriter) async throws -> Void
    ) async throws -> Int {
        try checkLease()
        let name = [schema, table].compactMap { $0 }.map(PostgresQuery.quote(identifier:)).joined(separator: ".")
        guard !name.utf8.contains(0) else {
            throw PostgresError(.encodingFailed, "the table's name holds a NUL character", nothingWasSent: true)
        }
        return try await observed("COPY INTO \(name)") {
            let (id, columns, types) = try await session.openCopyIn(table: name, columns: columns, timeout: timeout)
            return try await copyIn(id) { bytes in
                let writer = PostgresCopyWriter(bytes, columns: columns, types: types)
                try await body(writer)
                try await writer.finish()
            }
        }
    }

    /// Runs a COPY FROM STDIN whose data is given as bytes, in the format that the statement names.
    ///
    /// ```swift
    /// try await connection.copyIn("COPY sled FROM STDIN (FORMAT csv)") { try await $0.write(Array(csv.utf8)) }
    /// ```
    /// - Returns: the number of rows, as the server counts them.
    /// - Throws: as ``copy(into:schema:columns:timeout:_:)``.
    @discardableResult
    public func copyIn(
        _ statement: PostgresQuery,
        timeout: Duration? = nil,
        _ body: (PostgresCopyByteWriter) async throws -> Void
    ) async throws -> Int {
        try checkLease()
        return try await observed(statement.sql) {
            try await copyIn(try await session.openCopyIn(statement, timeout: timeout), body)
        }
    }

    /// Not optimised: the compiler (6.3.1) crashes when it makes a copy of this for a caller's closure.
    ///
    /// The bytes are written elsewhere.
    @_optimize(none)
    private func copyIn(_ id: UInt64, _ body: (PostgresCopyByteWriter) async throws -> Void) async throws -> Int {
        let session = session
        do {
            try await Session.$heldTurns.withValue(Session.heldTurns.union([ObjectIdentifier(session)])) {
                try await body(PostgresCopyByteWriter(session, id))
            }
        } catch {
            // A task of its own: ending the COPY must not inherit a cancellation.
            await Task { await session.abortCopyIn(id) }.value
            throw error
        }
        return try await session.endCopyIn(id)
    }

    /// Runs a COPY TO STDOUT and lends its bytes as they come, in the format that the statement names.
    ///
    /// ```swift
    /// try await connection.copyOut("COPY sled TO STDOUT (FORMAT csv, HEADER)") { chunks in
    ///     for try await chunk in chunks { try file.write(contentsOf: chunk) }
    /// }
    /// ```
    /// Leaving early makes the server stop when much is left; see ``withRows(_:timeout:_:)``, also for rows with types.
    ///
    /// - Throws: what `body` throws; ``PostgresError`` as ``withRows(_:timeout:_:)``, and `unexpectedResult` when the
    ///   statement is no COPY TO STDOUT. The corresponding libpq function is `PQgetCopyData`.
    public func copyOut<R>(
        _ statement: PostgresQuery,
        timeout: Duration? = nil,
        _ body: (PostgresCopyChunks) async throws -> R
    ) async throws -> R {
        try checkLease()
        return try await observed(statement.sql) {
            let source = RowSource(session, try await session.openCopyOut(statement, timeout: timeout))
            return try await lend(source) { try await body(PostgresCopyChunks(source: source)) }
        }
    }
}

/// The bytes of a COPY TO STDOUT, a row in each element; see ``PostgresConnection/copyOut(_:timeout:_:)``.
///
/// They can be read once, by one task at a time, and only within the scope that lends them.
public struct PostgresCopyChunks: AsyncSequence, Sendable {
    /// Bytes.
    public typealias Element = [UInt8]
    /// Every failure is one of this module.
    public typealias Failure = PostgresError

    let source: RowSource

    /// Begins to read; a second time, the first `next` throws `unexpectedResult`.
    public func makeAsyncIterator() -> Iterator { Iterator(source) }

    /// Reads chunk after chunk.
    public struct Iterator: AsyncIteratorProtocol {
        private let source: RowSource
        private let isFirstReader: Bool
        private var chunks: [[UInt8]] = []
        private var index = 0

        init(_ source: RowSource) {
            self.source = source
            isFirstReader = source.beginReading()
            if isFirstReader { chunks = source.first.chunks }
        }

        /// The next bytes, or nil at the end.
        ///
        /// - Throws: ``PostgresError``: the statement's, `cancelled`, `deadlineExceeded`, `connectionClosed`, and
        ///   `connectionReturned` after the scope.
        public mutating func next() async throws(PostgresError) -> [UInt8]? {
            try await next(isolation: #isolation)
        }

        /// The next bytes, or nil at the end.
        ///
        /// - Throws: as ``next()``.
        public mutating func next(isolation: isolated (any Actor)?) async throws(PostgresError) -> [UInt8]? {
            try source.check(isFirstReader)
            if index == chunks.count {
                guard let batch = try await source.fetch() else { return nil }
                (chunks, index) = (batch.chunks, 0)
            }
            defer { index += 1 }
            return chunks[index]
        }
    }
}
