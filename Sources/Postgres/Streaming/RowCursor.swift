/// A statement whose rows are being read as they come.
///
/// Belongs to its ``Session``, which alone touches it.
final class RowCursor {
    /// Where rows come from.
    enum Source {
        /// A query in single-row or chunked mode.
        case query
        /// COPY TO STDOUT, as bytes.
        case copyOut
        /// No rows but their opposite: COPY FROM STDIN.
        case copyIn
    }

    let id: UInt64
    let source: Source
    /// The statement, whose effects on prepared ones are noted at its end.
    let sql: String
    /// Set in a transaction: stopping early must not abort it.
    let savepoint: String?
    var progress: Session.Progress
    var layout: ColumnLayout?
    /// Whether the server has nothing more to say.
    var isComplete = false
    /// Whether a task is waiting for rows right now.
    var isFetching = false
    /// Whether COPY TO STDOUT has begun, and whether its data is still coming.
    var hasCopyBegun = false
    var isCopying = false
    /// Since when there is input during COPY FROM STDIN that was no notice.
    var unexplainedInput: MonotonicTime?
    /// The statement's error, until it was thrown.
    var failure: PostgresError?

    init(id: UInt64, source: Source, sql: String, savepoint: String?, deadline: MonotonicTime?) {
        self.id = id
        self.source = source
        self.sql = sql
        self.savepoint = savepoint
        progress = Session.Progress(deadline: deadline)
    }
}

/// What crosses from the session to the reader at once.
struct RowBatch: Sendable {
    /// Rows, one or a chunk in each.
    var results: [ResultHandle] = []
    /// Bytes of a COPY, a message each.
    var chunks: [[UInt8]] = []
    private var rowCount = 0
    private var byteCount = 0

    var isEmpty: Bool { results.isEmpty && chunks.isEmpty }

    /// Enough that crossing costs little, little enough that memory stays bounded, whatever a row's size.
    var isFull: Bool { rowCount >= 1024 || byteCount >= 1 << 20 }

    mutating func append(_ result: ResultHandle) {
        results.append(result)
        rowCount += result.rowCount
        byteCount += result.memorySize
    }

    mutating func append(_ chunk: [UInt8]) {
        chunks.append(chunk)
        rowCount += 1
        byteCount += chunk.count
    }
}
