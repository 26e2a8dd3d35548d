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
        let value = PipelineValue<PostgresRows>()
        let slot = add(query) { rows throws(PostgresError) in value.stored = rows }
        return PostgresPipelineResult(slot: slot, value: value)
    }

    /// Adds a statement whose rows are read as records.
    @inlinable
    public mutating func query<Record: PostgresRecord>(
        _ query: PostgresQuery,
        as _: Record.Type
    ) -> PostgresPipelineResult<[Record]> {
        let value = PipelineValue<[Record]>()
        let slot = add(query) { rows throws(PostgresError) in value.stored = try rows.decode(Record.self) }
        return PostgresPipelineResult(slot: slot, value: value)
    }

    @usableFromInline
    mutating func add(_ query: PostgresQuery, _ decode: @escaping PipelineSlot.Decode) -> PipelineSlot {
        let slot = PipelineSlot(decode)
        statements.append(PipelineStatement(query: query, slot: slot))
        return slot
    }
}

/// What a statement of a pipeline will have come to.
public struct PostgresPipelineResult<Value: Sendable>: Sendable {
    @usableFromInline
    let slot: PipelineSlot
    @usableFromInline
    let value: PipelineValue<Value>

    @usableFromInline
    init(slot: PipelineSlot, value: PipelineValue<Value>) {
        self.slot = slot
        self.value = value
    }

    /// The statement's result, once the pipeline has run.
    ///
    /// - Throws: ``PostgresError``: what the statement failed with; `notExecuted` when one before it had failed, and
    ///   before the pipeline has run; `decodingFailed` for records.
    @inlinable
    public func get() throws(PostgresError) -> Value {
        var found: Value?
        try slot.read { found = value.stored }
        guard let found else { throw PipelineSlot.notExecuted }
        return found
    }
}

struct PipelineStatement: Sendable {
    var query: PostgresQuery
    let slot: PipelineSlot
}

/// A statement's value, once it has arrived.
///
/// Apart from its slot, which knows nothing of its type: what makes and reads a value is inlined where the type is known.
/// Else each step would look up the metadata of generic types at run time.
///
/// `@unchecked Sendable`: it is written and read with the slot's lock held.
@usableFromInline
final class PipelineValue<Value: Sendable>: @unchecked Sendable {
    @usableFromInline
    var stored: Value?

    @usableFromInline
    init() {}
}

/// Where a statement's result arrives.
///
/// Decodes what arrives at once: the server works on the next statement meanwhile, and libpq's memory is free for it.
@usableFromInline
final class PipelineSlot: Sendable {
    /// Keeps what the rows are read as.
    @usableFromInline
    typealias Decode = @Sendable (PostgresRows) throws(PostgresError) -> Void

    private enum State {
        case waiting
        case arrived
        /// What arrived could not be read.
        case unreadable(PostgresError)
        case failed(PostgresError)
    }

    private let decode: Decode
    private let state = Lock(State.waiting)

    init(_ decode: @escaping Decode) {
        self.decode = decode
    }

    @usableFromInline
    static var notExecuted: PostgresError {
        PostgresError(.notExecuted, "the statement was not executed", nothingWasSent: true)
    }

    /// Lets the value be read, if it has arrived.
    ///
    /// - Throws: the error that has arrived in its place, or ``notExecuted``.
    @usableFromInline
    func read(_ take: () -> Void) throws(PostgresError) {
        let failure: PostgresError? = state.withLock { state in
            switch state {
            case .waiting: return Self.notExecuted
            case .arrived: break
            case .unreadable(let error), .failed(let error): return error
            }
            take()
            return nil
        }
        if let failure { throw failure }
    }

    func fill(_ rows: PostgresRows) {
        state.withLock { state in
            if case .failed = state { return }
            do throws(PostgresError) {
                try decode(rows)
                state = .arrived
            } catch {
                state = .unreadable(error)
            }
        }
    }

    /// Takes the place of a result, but not of an error before it: what follows from that says less.
    func fail(_ error: PostgresError) {
        state.withLock { state in
            if case .failed = state { return }
            state = .failed(error)
        }
    }

    func clear() { state.withLock { $0 = .waiting } }
}
