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
    private let results = PipelineResults()

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
        let slot = results.addSlot()
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
    var query: PostgresQuery
    let slot: PipelineSlot
}

/// Where the results of a pipeline's statements arrive.
final class PipelineResults: Sendable {
    private let results = Lock<[Result<PostgresRows, PostgresError>?]>([])

    func addSlot() -> PipelineSlot {
        let index = results.withLock { results in
            results.append(nil)
            return results.count - 1
        }
        return PipelineSlot(results: self, index: index)
    }

    fileprivate func result(at index: Int) -> Result<PostgresRows, PostgresError>? { results.withLock { $0[index] } }

    /// Keeps the first error: what follows from it says less.
    fileprivate func fill(_ index: Int, _ result: Result<PostgresRows, PostgresError>?) {
        results.withLock { results in
            if result != nil, case .failure? = results[index] { return }
            results[index] = result
        }
    }
}

/// Where a statement's result arrives.
struct PipelineSlot: Sendable {
    fileprivate let results: PipelineResults
    fileprivate let index: Int

    var result: Result<PostgresRows, PostgresError> {
        results.result(at: index)
            ?? .failure(PostgresError(.notExecuted, "the statement was not executed", nothingWasSent: true))
    }

    func fill(_ result: Result<PostgresRows, PostgresError>) { results.fill(index, result) }

    func clear() { results.fill(index, nil) }
}
