import Postgres

/// VMMs that are read as they come from the server, in memory that does not grow with them.
///
/// They can be read once, and only within the scope that lends them.
public struct StoredVMMRows: AsyncSequence, Sendable {
    /// A VMM.
    public typealias Element = StoredVMM

    private let records: PostgresRecordStream<IdentifiedRow<StoredVMM>>

    init(_ rows: PostgresRowStream) {
        records = rows.decode()
    }

    /// Begins to read.
    public func makeAsyncIterator() -> Iterator { Iterator(records: records.makeAsyncIterator()) }

    /// Reads VMM after VMM.
    public struct Iterator: AsyncIteratorProtocol {
        var records: PostgresRecordStream<IdentifiedRow<StoredVMM>>.Iterator

        /// The next VMM, or nil at the end.
        ///
        /// - Throws: ``DatastoreError`` of code `invalidRow` for a row that cannot be read; the next call goes on behind
        ///   it. `PostgresError`.
        public mutating func next() async throws -> StoredVMM? {
            do {
                return try await records.next()?.get()
            } catch let error as PostgresError {
                throw error.withoutCommit()
            }
        }
    }
}
