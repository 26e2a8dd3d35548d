import CLibPQ
import DequeModule
import Logging
import Synchronization

/// One connection to the server: the owner of its `PGconn`, its socket's watch and its prepared statements.
///
/// Commands of several tasks take their turns, first come first served.
actor Session {
    nonisolated let configuration: PostgresConfiguration
    nonisolated let database: DatabaseKnowledge
    /// The changes of the database that ``statements`` goes by.
    private var knownChanges: UInt64
    /// Nil once closed.
    var handle: ConnectionHandle?
    var watch: SocketWatch?
    var cancelHandle: CancelHandle?
    var statements: StatementCache
    /// Whether a pooler may give each transaction another session of the server.
    var isPooled = false
    /// The first error of the present transaction, which makes its COMMIT a ROLLBACK.
    var abortCause: PostgresError?
    /// Whether the transaction is open that a scope has begun: it ends with the connection, rolled back.
    var holdsTransaction = false
    /// Savepoints made so far; each gets a name of its own.
    var savepoints = 0
    /// The statement whose rows are being read, or the COPY under way; its scope has the turn.
    var cursor: RowCursor?
    /// Scopes that took the turn so far; each gets a number of its own.
    var scopes: UInt64 = 0
    /// The sessions whose turn a scope around the present code holds.
    ///
    /// Another command there would wait for its own end.
    @TaskLocal static var heldTurns: Set<ObjectIdentifier> = []
    /// Why the connection was closed, for whoever uses it afterwards.
    private var closeReason = "the connection is closed"

    /// When the session became idle or was found to be there since, in nanoseconds of the monotonic clock; 0 while
    /// anything is open or it is closed.
    ///
    /// Beside the actor's own state, so that a pool can lend and take back without a hop.
    private nonisolated let idleSince = Atomic<UInt64>(0)
    /// Whether a command is under way, or about to be.
    private(set) var isInUse = false
    private var turns: Deque<Turn> = []
    private var lastTurn: UInt64 = 0

    /// A task that waits for those before it; resumed with whether it may go on.
    private struct Turn {
        let id: UInt64
        let continuation: CheckedContinuation<Bool, Never>
    }

    init(_ configuration: PostgresConfiguration, _ database: DatabaseKnowledge) {
        self.configuration = configuration
        self.database = database
        knownChanges = database.changeCount
        statements = StatementCache(
            capacity: configuration.statementCacheSize,
            threshold: configuration.statementCacheThreshold
        )
    }

    deinit {
        // Before the socket is closed, which happens when the handle is released.
        watch?.stop()
    }

    var isClosed: Bool { handle == nil }

    var processID: Int32 { handle?.backendProcessID ?? 0 }

    var serverVersion: Int { Int(handle?.serverVersion ?? 0) }

    func parameterStatus(_ name: String) -> String? { handle?.parameterStatus(name) }

    /// The transaction's state as the server last reported it; unknown once closed.
    var transactionStatus: PGTransactionStatusType { handle?.transactionStatus ?? PQTRANS_UNKNOWN }

    /// The statement's entry in the cache; see ``StatementCache/use(_:)``.
    ///
    /// What another session found stale is forgotten here too, before it can fail a transaction.
    func cached(_ query: PostgresQuery) -> (entry: StatementCache.Entry, isDue: Bool)? {
        let changes = database.changeCount
        if changes != knownChanges {
            knownChanges = changes
            statements.removeAll(serverKeepsThem: true)
        }
        return statements.use(query)
    }

    /// A name that no other cursor of the session has.
    func nextCursorName() -> String {
        scopes += 1
        return "cursor_\(scopes)"
    }

    /// Closes the connection; the server rolls back what was open.
    func close(_ reason: String = "the connection is closed") {
        guard handle != nil else { return }
        closeReason = reason
        // The watch first: once the socket is closed, its number may be another's.
        if let watch { watch.stop() }
        watch = nil
        cancelHandle = nil
        handle = nil
        noteUse()
    }

    /// Whether nothing is open: no transaction, no unread result, no task that waits for its turn.
    nonisolated var isIdle: Bool { idleSince.load(ordering: .acquiring) != 0 }

    /// Whether the session is idle and was used or looked at within the last second: its server is taken to be still
    /// there.
    nonisolated func wasThereJustNow(_ now: MonotonicTime) -> Bool {
        let since = idleSince.load(ordering: .acquiring)
        return since != 0 && Int64(bitPattern: now.nanoseconds &- since) < 1_000_000_000
    }

    /// Makes ``isIdle`` say what is so: at the end of a turn, when the connection is made, looked at or closed.
    func noteUse() {
        let isIdle = !isInUse && transactionStatus == PQTRANS_IDLE
        idleSince.store(isIdle ? MonotonicTime.now().nanoseconds : 0, ordering: .releasing)
    }

    /// An error that leaves a scope, with the names of the types that it mentions by number; unknown ones are looked up.
    func naming(_ error: any Error) async -> any Error {
        guard let error = error as? PostgresError, error.code == .decodingFailed else { return error }
        let unknown = database.types.unknownTypes(in: error)
        if !unknown.isEmpty, !isInUse, transactionStatus == PQTRANS_IDLE || transactionStatus == PQTRANS_INTRANS {
            beginTurn()
            defer { endTurn() }
            let deadline = MonotonicTime.after(configuration.cancelTimeout)
            // Without names the error is as good as before.
            _ = try? await database.types.load(unknown) { question throws(PostgresError) in
                try await attempt(question, deadline: deadline)
            }
        }
        var named = error
        named.message = database.types.naming(error.message)
        return named
    }

    func closedError() -> PostgresError {
        PostgresError(.connectionClosed, closeReason, nothingWasSent: true)
    }

    /// Waits until no other task's command is under way.
    ///
    /// - Throws: `cancelled`, `deadlineExceeded`: nothing was sent then.
    func takeTurn(
        until deadline: MonotonicTime?,
        _ cancellation: Cancellation = .stopsCommand
    ) async throws(PostgresError) {
        guard isInUse else { return beginTurn() }
        guard !Self.heldTurns.contains(ObjectIdentifier(self)) else {
            throw PostgresError(
                .unexpectedResult,
                "the connection is busy with the rows or the COPY of the scope around this call; take another one",
                nothingWasSent: true
            )
        }
        lastTurn += 1
        let id = lastTurn
        guard cancellation == .stopsCommand else {
            _ = await queue(id)
            return
        }
        let timer = deadline.map { deadline in
            Task {
                try? await Task.sleep(for: deadline.remaining())
                self.giveUpTurn(id)
            }
        }
        let isMine = await withTaskCancellationHandler {
            await queue(id)
        } onCancel: {
            Task { await self.giveUpTurn(id) }
        }
        timer?.cancel()
        if !isMine { throw Stop(isDeadline: !Task.isCancelled).errorBeforeSending }
    }

    private func queue(_ id: UInt64) async -> Bool {
        await withCheckedContinuation { turns.append(Turn(id: id, continuation: $0)) }
    }

    /// Takes a task out of the queue; nothing happens when it has its turn already.
    private func giveUpTurn(_ id: UInt64) {
        guard let index = turns.firstIndex(where: { $0.id == id }) else { return }
        turns.remove(at: index).continuation.resume(returning: false)
    }

    private func beginTurn() {
        isInUse = true
        idleSince.store(0, ordering: .releasing)
    }

    func endTurn() {
        if let next = turns.popFirst() {
            next.continuation.resume(returning: true)
        } else {
            isInUse = false
            noteUse()
        }
    }
}
