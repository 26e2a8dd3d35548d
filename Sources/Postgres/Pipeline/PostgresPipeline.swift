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
        add(query) { rows throws(PostgresError) in rows }
    }

    /// Adds a statement whose rows are read as records.
    public mutating func query<Record: PostgresRecord>(
        _ query: PostgresQuery,
        as _: Record.Type
    ) -> PostgresPipelineResult<[Record]> {
        add(query) { rows throws(PostgresError) in try rows.decode(Record.self) }
    }

    private mutating func add<Value>(
        _ query: PostgresQuery,
        _ decode: @escaping PipelineSlotOf<Value>.Decode
    ) -> PostgresPipelineResult<Value> {
        let slot = PipelineSlotOf(decode)
        statements.append(PipelineStatement(query: query, slot: slot))
        return PostgresPipelineResult(slot: slot)
    }
}

/// What a statement of a pipeline will have come to.
public struct PostgresPipelineResult<Value: Sendable>: Sendable {
    let slot: PipelineSlotOf<Value>

    /// The statement's result, once the pipeline has run.
    ///
    /// - Throws: ``PostgresError``: what the statement failed with; `notExecuted` when one before it had failed, and
    ///   before the pipeline has run; `decodingFailed` for records.
    public func get() throws(PostgresError) -> Value {
        guard let result = slot.result else {
            throw PostgresError(.notExecuted, "the statement was not executed", nothingWasSent: true)
        }
        return try result.get()
    }
}

struct PipelineStatement: Sendable {
    var query: PostgresQuery
    let slot: any PipelineSlot
}

/// Where a statement's result arrives.
protocol PipelineSlot: AnyObject, Sendable {
    func fill(_ rows: PostgresRows)
    /// Takes the place of a result, but not of an error before it: what follows from that says less.
    func fail(_ error: PostgresError)
    func clear()
}

/// Decodes what arrives at once: the server works on the next statement meanwhile, and libpq's memory is free for it.
final class PipelineSlotOf<Value: Sendable>: PipelineSlot {
    typealias Decode = @Sendable (PostgresRows) throws(PostgresError) -> Value

    private enum State {
        case waiting
        case arrived(Result<Value, PostgresError>)
        case failed(PostgresError)
    }

    private let decode: Decode
    private let state = Lock(State.waiting)

    init(_ decode: @escaping Decode) {
        self.decode = decode
    }

    /// Nil before the statement was executed.
    var result: Result<Value, PostgresError>? {
        switch state.withLock({ $0 }) {
        case .waiting: nil
        case .arrived(let result): result
        case .failed(let error): .failure(error)
        }
    }

    func fill(_ rows: PostgresRows) {
        let result: Result<Value, PostgresError>
        do throws(PostgresError) {
            result = .success(try decode(rows))
        } catch {
            result = .failure(error)
        }
        state.withLock { state in
            if case .failed = state { return }
            state = .arrived(result)
        }
    }

    func fail(_ error: PostgresError) {
        state.withLock { state in
            if case .failed = state { return }
            state = .failed(error)
        }
    }

    func clear() { state.withLock { $0 = .waiting } }
}
