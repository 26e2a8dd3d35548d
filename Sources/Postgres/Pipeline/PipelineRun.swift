import CLibPQ
import DequeModule

/// One run of a pipeline: what is still to be sent, and what answers are expected.
///
/// Belongs to its ``Session``, which alone touches it.
final class PipelineRun {
    /// What the next answer belongs to.
    enum Expected {
        case preparation(of: Int, StatementCache.Entry)
        case execution(of: Int, StatementCache.Entry?)
        /// Fails on purpose: see ``Session/sendBrake(_:_:)``.
        case brake
        /// Ends a transaction of its own, and may fail: constraints that are checked at the commit.
        case sync(after: Int)
    }

    let statements: [PipelineStatement]
    let failureMode: PostgresPipeline.FailureMode
    private let types: PostgresTypeCatalog
    var progress: Session.Progress
    var expected: Deque<Expected> = []
    /// The statement to send next.
    var next = 0
    /// Whether nothing more will be sent.
    var isSent = false
    /// Bytes given to libpq since its buffer was last seen empty.
    var unflushed = 0
    /// The first failure, and the statement's index.
    private(set) var failure: (index: Int, error: PostgresError)?
    /// Why statements could not be prepared, by name: what uses them fails for that reason.
    private var failedPreparations: [String: PostgresError] = [:]
    /// Whether every statement so far is of a kind that commits nothing by itself.
    private(set) var isRepeatable = true

    init(
        _ statements: [PipelineStatement],
        _ failureMode: PostgresPipeline.FailureMode,
        _ types: PostgresTypeCatalog,
        deadline: MonotonicTime?
    ) {
        self.types = types
        self.statements = statements
        self.failureMode = failureMode
        progress = Session.Progress(deadline: deadline)
    }

    /// Whether sending more is pointless: the server would skip it, or shall do no more.
    var isStopped: Bool { progress.stop != nil || (failure != nil && failureMode == .rollBackAll) }

    func succeed(_ index: Int, _ result: ResultHandle, _ tag: CommandTag, _ entry: StatementCache.Entry?) {
        let layout = entry?.layout ?? ColumnLayout(of: result, types)
        entry?.layout = layout
        statements[index].slot.fill(PostgresRows(result: result, layout: layout))
        if isRepeatable { isRepeatable = Self.repeatableCommands.contains { tag.description.hasPrefix($0) } }
    }

    func fail(_ index: Int, _ server: ServerError, name: String? = nil, isPreparation: Bool = false) {
        let message = "statement \(index + 1) of \(statements.count) in the pipeline"
        var error = PostgresError(.server, message, server: server)
        if isPreparation, let name {
            failedPreparations[name] = error
        } else if server.sqlState == .invalidStatementName, let name, let cause = failedPreparations[name] {
            error = cause
        }
        if let stop = progress.stop, server.sqlState == .queryCanceled {
            error = stop.error
            error.server = server
        }
        statements[index].slot.fail(error)
        failure = failure ?? (index, error)
    }

    /// What a sync commits.
    func commitSubject(after index: Int) -> String {
        failureMode == .rollBackAll ? "the pipeline" : "statement \(index + 1) of the pipeline"
    }

    /// The commit that a sync is failed, of one statement or all.
    func failCommit(after index: Int, _ error: PostgresError) {
        if failureMode == .keepOthers { statements[index].slot.fail(error) }
        failure = failure ?? (index, error)
    }

    func skip(_ index: Int) {
        let cause = failure.map { "statement \($0.index + 1) had failed" } ?? "the pipeline was stopped"
        statements[index].slot.fail(
            PostgresError(.notExecuted, "the statement was not executed because \(cause)")
        )
    }

    /// Gives every statement without an answer this one.
    func failRest(_ error: PostgresError) {
        for item in expected {
            if case .execution(let index, _) = item { statements[index].slot.fail(error) }
        }
        for index in next..<statements.count { skip(index) }
    }

    private static let repeatableCommands = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "MERGE "]
}
