import Synchronization

/// Collects the statements of a pipeline; see ``PostgresConnection/pipeline(onFailure:timeout:_:)``.
public struct PostgresPipeline: Sendable {
    /// What becomes of the other statements when one fails.
    public enum FailureMode: Sendable {
        /// All or nothing: the statements are one transaction, and the first failure undoes it.
        case rollBackAll
        /// Each statement stands for itself: outside a transaction it commits by itself, whatever happens to the others.
        case keepOthers
    }

    private(set) var statements: [PipelineStatement] = []

    /// Adds a statement; its rows are there once the pipeline has run.
    @discardableResult
    public mutating func query(_ query: PostgresQuery) -> PostgresPipelineResult<PostgresRows> {
        PostgresPipelineResult(slot: add(query)) { rows throws(PostgresError) in rows }
    }

    /// Adds a statement whose rows are read as records.
    public mutating func query<Record: PostgresRecord>(
        _ query: PostgresQuery,
        as _: Record.Type
    ) -> PostgresPipelineResult<[Record]> {
        PostgresPipelineResult(slot: add(query)) { rows throws(PostgresError) in try rows.decode(Record.self) }
    }

    private mutating func add(_ query: PostgresQuery) -> PipelineSlot {
        let slot = PipelineSlot()
        statements.append(PipelineStatement(query: query, slot: slot))
        return slot
    }
}

/// What a statement of a pipeline will have come to.
public struct PostgresPipelineResult<Value: Sendable>: Sendable {
    let slot: PipelineSlot
    let decode: @Sendable (PostgresRows) throws(PostgresError) -> Value

    /// The statement's result, once the pipeline has run.
    ///
    /// - Throws: ``PostgresError``: what the statement failed with; `notExecuted` when one before it had failed, and
    ///   before the pipeline has run; `decodingFailed` for records.
    public func get() throws(PostgresError) -> Value {
        try decode(try slot.result.get())
    }
}

struct PipelineStatement: Sendable {
    let query: PostgresQuery
    let slot: PipelineSlot
}

/// Where a statement's result arrives.
final class PipelineSlot: Sendable {
    private let value = Mutex<Result<PostgresRows, PostgresError>?>(nil)

    var result: Result<PostgresRows, PostgresError> {
        value.withLock { $0 }
            ?? .failure(PostgresError(.notExecuted, "the statement was not executed", nothingWasSent: true))
    }

    /// Keeps the first error: what follows from it says less.
    func fill(_ result: Result<PostgresRows, PostgresError>) {
        value.withLock { value in
            if case .failure? = value { return }
            value = result
        }
    }

    func clear() { value.withLock { $0 = nil } }
}
