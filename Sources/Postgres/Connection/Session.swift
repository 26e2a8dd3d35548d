import CLibPQ
import DequeModule
import Logging

/// One connection to the server: the owner of its `PGconn`, its socket's watch and its prepared statements.
///
/// Commands of several tasks take their turns, first come first served.
actor Session {
    nonisolated let configuration: PostgresConfiguration
    /// Nil once closed.
    var handle: ConnectionHandle?
    var watch: SocketWatch?
    var cancelHandle: CancelHandle?
    var statements: StatementCache
    /// The first error of the present transaction, which makes its COMMIT a ROLLBACK.
    var abortCause: PostgresError?
    /// Savepoints made so far; each gets a name of its own.
    var savepoints = 0
    /// Why the connection was closed, for whoever uses it afterwards.
    private var closeReason = "the connection is closed"

    /// When the last command ended.
    private(set) var lastUse = MonotonicTime.now()
    private var isInUse = false
    private var turns: Deque<CheckedContinuation<Void, Never>> = []

    init(_ configuration: PostgresConfiguration) {
        self.configuration = configuration
        statements = StatementCache(capacity: configuration.statementCacheSize)
    }

    var isClosed: Bool { handle == nil }

    var processID: Int32 { handle?.backendProcessID ?? 0 }

    var serverVersion: Int { Int(handle?.serverVersion ?? 0) }

    func parameterStatus(_ name: String) -> String? { handle?.parameterStatus(name) }

    /// The transaction's state as the server last reported it; unknown once closed.
    var transactionStatus: PGTransactionStatusType { handle?.transactionStatus ?? PQTRANS_UNKNOWN }

    /// Closes the connection; the server rolls back what was open.
    func close(_ reason: String = "the connection is closed") {
        guard handle != nil else { return }
        closeReason = reason
        // The watch first: once the socket is closed, its number may be another's.
        if let watch { watch.stop() }
        watch = nil
        cancelHandle = nil
        handle = nil
    }

    func closedError() -> PostgresError {
        PostgresError(.connectionClosed, closeReason, nothingWasSent: true)
    }

    /// Waits until no other task's command is under way.
    func takeTurn() async {
        guard isInUse else {
            isInUse = true
            return
        }
        await withCheckedContinuation { turns.append($0) }
    }

    func endTurn() {
        lastUse = .now()
        if let next = turns.popFirst() {
            next.resume()
        } else {
            isInUse = false
        }
    }
}
