import DequeModule

/// Which sessions are idle, how many there are, and who waits for one.
///
/// Synchronous: each transition is one step.
struct PoolState<Session: Sendable>: Sendable {
    /// What a waiter is given: exactly one of these, exactly once.
    enum Grant: Sendable {
        /// An idle session.
        case session(Session)
        /// The right to open one more.
        case permission
        /// Nothing.
        case refused(PostgresError)
    }

    struct Waiter: Sendable {
        let id: UInt64
        let deadline: MonotonicTime?
        let continuation: CheckedContinuation<Grant, Never>

        func resume(_ grant: Grant) {
            continuation.resume(returning: grant)
        }
    }

    let maximum: Int
    /// Last in, first out: the rest may grow old and be closed.
    private(set) var idle: [Session] = []
    /// All that exist or are being opened.
    private(set) var total = 0
    private(set) var isClosed = false
    private(set) var waiters: Deque<Waiter> = []
    private var lastID: UInt64 = 0
    /// Whether somebody watches the deadlines of the waiters.
    private var isWatched = false

    var inUse: Int { total - idle.count }

    init(maximum: Int) {
        self.maximum = max(1, maximum)
    }

    /// A session or the right to open one, when either can be had at once.
    mutating func takeNow() -> Grant? {
        if isClosed { return .refused(Self.closedError) }
        if let session = idle.popLast() { return .session(session) }
        guard total < maximum else { return nil }
        total += 1
        return .permission
    }

    mutating func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// Queues a waiter, unless it can be served at once.
    ///
    /// Returns whether somebody must begin to watch deadlines.
    mutating func enqueue(_ waiter: Waiter) -> (grant: Grant?, mustWatch: Bool) {
        if let grant = takeNow() { return (grant, false) }
        waiters.append(waiter)
        defer { isWatched = true }
        return (nil, !isWatched)
    }

    /// Takes out the waiters whose time is up.
    ///
    /// All wait equally long, so they are the first ones.
    mutating func takeExpired(now: MonotonicTime) -> [Waiter] {
        var expired: [Waiter] = []
        while let first = waiters.first, let deadline = first.deadline, deadline <= now {
            expired.append(waiters.removeFirst())
        }
        return expired
    }

    /// When the next waiter's time is up; nil ends the watch.
    mutating func nextDeadline() -> MonotonicTime? {
        let deadline = waiters.first?.deadline
        isWatched = deadline != nil
        return deadline
    }

    /// Takes a waiter out of the queue; nil when it was served already.
    mutating func removeWaiter(_ id: UInt64) -> Waiter? {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return nil }
        return waiters.remove(at: index)
    }

    /// A session came back in good order.
    ///
    /// - Returns: Whom to give it to, or nil when it was kept or must be closed.
    mutating func giveBack(_ session: Session) -> (waiter: Waiter?, mustClose: Bool) {
        if isClosed {
            total -= 1
            return (nil, true)
        }
        if let waiter = waiters.popFirst() { return (waiter, false) }
        idle.append(session)
        return (nil, false)
    }

    /// A session is no more, or could not be opened.
    ///
    /// - Returns: A waiter who may now open one.
    mutating func drop() -> Waiter? {
        guard !isClosed, let waiter = waiters.popFirst() else {
            total -= 1
            return nil
        }
        return waiter
    }

    /// No session is given out any more.
    ///
    /// Returns the idle ones and everybody who waits.
    mutating func close() -> (idle: [Session], waiters: [Waiter]) {
        defer {
            isClosed = true
            total -= idle.count
            idle = []
            waiters = []
        }
        return (idle, Array(waiters))
    }

    static var closedError: PostgresError {
        PostgresError(.poolClosed, "the pool is shut down", nothingWasSent: true)
    }
}
