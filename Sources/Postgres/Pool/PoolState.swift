import DequeModule
import Synchronization

/// Which sessions are idle, lent or being opened, and who waits for one.
///
/// Synchronous and without a clock: each transition is one step, is told the time, and answers with what is to be done.
struct PoolState<Session: Sendable>: Sendable {
    /// A session with what decides how long it is kept.
    ///
    /// A class, because it passes through many hands with each lending: copying a value of five words of which one counts
    /// references costs several times as much as the reference to it.
    final class Member: Sendable {
        let session: Session
        let generation: UInt64
        let expiry: MonotonicTime?
        /// Of the last return, in nanoseconds; the state alone uses it.
        fileprivate let lastReturn: Atomic<UInt64>

        fileprivate init(_ session: Session, generation: UInt64, expiry: MonotonicTime?, now: MonotonicTime) {
            self.session = session
            self.generation = generation
            self.expiry = expiry
            lastReturn = Atomic(now.nanoseconds)
        }
    }

    /// What a waiter is given: exactly one of these, exactly once.
    enum Grant: Sendable {
        case member(Member)
        case refused(PostgresError)
    }

    struct Waiter: Sendable {
        let id: UInt64
        let deadline: MonotonicTime?
        let resume: @Sendable (Grant) -> Void
    }

    struct Limits: Sendable {
        var minimum = 0
        /// How many are kept idle beside those lent, as far as the maximum allows.
        var minimumIdle = 0
        var maximum = 10
        var waiters: Int?
        var parallelConnects = 4
        /// In nanoseconds.
        var idleTimeout: UInt64 = .max
        /// In nanoseconds.
        var maximumBackoff: UInt64 = 5_000_000_000
    }

    /// What a transition leaves to do, outside the lock.
    struct Effects: Sendable {
        var grants: [(waiter: Waiter, grant: Grant)] = []
        var closing: [Session] = []
        /// How many connects to start; each is reported back as one of connected, failed or abandoned.
        var connects = 0

        var isNothing: Bool { connects == 0 && closing.isEmpty && grants.isEmpty }
    }

    let limits: Limits
    /// Last in, first out: the rest may grow old and be closed.
    private(set) var idle: [Member] = []
    private(set) var lent = 0
    private(set) var opening = 0
    private(set) var isClosed = false
    private(set) var waiters: Deque<Waiter> = []
    /// Sessions of an earlier generation are not lent again.
    private(set) var generation: UInt64 = 0
    /// Failed connects since the last that succeeded.
    private(set) var failures = 0
    private(set) var lastFailure: PostgresError?
    /// When the next connect may begin.
    private(set) var retryTime: MonotonicTime?
    private var hasConnected = false
    private var lastID: UInt64 = 0
    /// Whether somebody watches the deadlines of the waiters.
    private var isWatched = false

    var total: Int { idle.count + lent + opening }

    init(_ limits: Limits) {
        self.limits = limits
    }

    static var closedError: PostgresError {
        PostgresError(.poolClosed, "the pool is shut down", nothingWasSent: true)
    }
}

// MARK: Callers

extension PoolState {
    /// An idle session or a refusal, when either can be had at once; sessions found too old are left to close.
    mutating func take(now: MonotonicTime) -> (grant: Grant?, effects: Effects) {
        var effects = Effects()
        if isClosed { return (.refused(Self.closedError), effects) }
        return (takeIdle(now: now, &effects).map { .member($0) }, effects)
    }

    /// An idle session, where there is one; sessions found too old are left to close.
    mutating func takeIdle(now: MonotonicTime, _ effects: inout Effects) -> Member? {
        while let member = idle.popLast() {
            // The place of the one taken out counts as its own until it is closed.
            if isTooOld(member, now) || (isTooIdle(member, now) && isSpare(besides: 1)) {
                effects.closing.append(member.session)
                continue
            }
            lent += 1
            if idle.count < limits.minimumIdle { planConnects(&effects) }
            return member
        }
        return nil
    }

    mutating func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// Queues a waiter, unless it can be served at once.
    ///
    /// One who comes `first` was served before and got a session that turned out to be broken. Returns what to do, and
    /// whether somebody must begin to watch deadlines.
    mutating func enqueue(_ waiter: Waiter, first: Bool = false, now: MonotonicTime) -> (Effects, mustWatch: Bool) {
        var (grant, effects) = take(now: now)
        if grant == nil, let bound = limits.waiters, waiters.count >= bound, !first { grant = .refused(queueFullError) }
        if let grant {
            effects.grants.append((waiter, grant))
            return (effects, false)
        }
        if first { waiters.prepend(waiter) } else { waiters.append(waiter) }
        planConnects(&effects)
        defer { isWatched = true }
        return (effects, !isWatched)
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

    /// A session came back: to the first who waits, to the idle ones, or to its end.
    mutating func giveBack(_ member: Member, isUsable: Bool, now: MonotonicTime) -> Effects {
        lent -= 1
        var effects = Effects()
        if isUsable, !isClosed, !isTooOld(member, now) {
            offer(member, now, &effects)
        } else {
            effects.closing.append(member.session)
            planConnects(&effects)
        }
        return effects
    }

    private mutating func offer(_ member: Member, _ now: MonotonicTime, _ effects: inout Effects) {
        if let waiter = waiters.popFirst() {
            lent += 1
            effects.grants.append((waiter, .member(member)))
            return
        }
        member.lastReturn.store(now.nanoseconds, ordering: .relaxed)
        idle.append(member)
    }

    private var queueFullError: PostgresError {
        PostgresError(
            .poolQueueFull,
            "\(waiters.count) callers wait for a connection already: \(lent) of \(limits.maximum) in use",
            nothingWasSent: true
        )
    }
}

// MARK: Connecting

extension PoolState {
    /// Whether anybody still wants the connection that a connect which has not begun would make.
    var isConnectWanted: Bool {
        !isClosed && (!waiters.isEmpty || total - opening < limits.minimum || idle.count < limits.minimumIdle)
    }

    /// A connect succeeded.
    mutating func connected(
        _ session: Session,
        generation: UInt64,
        expiry: MonotonicTime?,
        now: MonotonicTime
    ) -> Effects {
        opening -= 1
        hasConnected = true
        failures = 0
        lastFailure = nil
        retryTime = nil
        var effects = Effects()
        if isClosed || generation != self.generation {
            effects.closing.append(session)
        } else {
            offer(Member(session, generation: generation, expiry: expiry, now: now), now, &effects)
        }
        planConnects(&effects)
        return effects
    }

    /// A connect failed.
    ///
    /// Who waits hears of it at once when trying again is of no use, or when the pool never had a connection: its
    /// configuration may be wrong. Otherwise the server is expected back, and waiters wait on.
    /// `jitter` lies between 0 and 1.
    mutating func connectFailed(
        _ error: PostgresError,
        isPermanent: Bool,
        jitter: Double,
        now: MonotonicTime
    ) -> Effects {
        opening -= 1
        failures += 1
        lastFailure = error
        let bound = min(Double(limits.maximumBackoff), 50_000_000 * exp2(min(failures, 30)))
        retryTime = MonotonicTime(nanoseconds: now.nanoseconds &+ UInt64(max(0, bound * jitter)))
        var effects = Effects()
        if isPermanent || !hasConnected {
            effects.grants = waiters.map { ($0, .refused(error)) }
            waiters.removeAll()
        }
        planConnects(&effects, fillsUp: false)
        return effects
    }

    /// A connect was given up before it began.
    mutating func connectAbandoned() -> Effects {
        opening -= 1
        var effects = Effects()
        planConnects(&effects, fillsUp: false)
        return effects
    }

    /// Asks for as many connects as are wanted, allowed in all and allowed at once.
    ///
    /// The minimum counts too when it `fillsUp`. After a failure only somebody's demand goes on trying, so that a
    /// forgotten pool does not try for ever.
    private mutating func planConnects(_ effects: inout Effects, fillsUp: Bool = true) {
        guard !isClosed else { return }
        let atOnce = failures > 0 ? 1 : max(1, limits.parallelConnects)
        while opening < atOnce, total < limits.maximum,
            opening < waiters.count || (fillsUp && isBelowMinimum)
        {
            opening += 1
            effects.connects += 1
        }
    }

    private var isBelowMinimum: Bool {
        total < limits.minimum || idle.count + opening - waiters.count < limits.minimumIdle
    }

    private func exp2(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }
}

// MARK: Upkeep

extension PoolState {
    /// Closes what is too old or idle for too long, and opens what is missing of the minimum.
    mutating func upkeep(now: MonotonicTime) -> Effects {
        var effects = Effects()
        effects.closing = idle.filter { isTooOld($0, now) }.map(\.session)
        if !effects.closing.isEmpty { idle = idle.filter { !isTooOld($0, now) } }
        // Those idle for longest come first.
        while isSpare(), let member = idle.first, isTooIdle(member, now) {
            effects.closing.append(member.session)
            idle.removeFirst()
        }
        planConnects(&effects)
        return effects
    }

    /// Lends no session of now and before again; idle ones are closed at once, lent ones when they come back.
    mutating func expireGeneration() -> Effects {
        generation += 1
        var effects = Effects(closing: idle.map(\.session))
        idle = []
        planConnects(&effects)
        return effects
    }

    /// No session is given out any more.
    mutating func close() -> Effects {
        defer {
            isClosed = true
            idle = []
            waiters = []
        }
        return Effects(
            grants: waiters.map { ($0, .refused(Self.closedError)) },
            closing: idle.map(\.session)
        )
    }

    private func isTooOld(_ member: Member, _ now: MonotonicTime) -> Bool {
        if member.generation != generation { return true }
        guard let expiry = member.expiry else { return false }
        return expiry <= now
    }

    /// Whether one idle session less would still be enough; so many were taken out already.
    private func isSpare(besides taken: Int = 0) -> Bool {
        total + taken > limits.minimum && idle.count + taken > limits.minimumIdle
    }

    private func isTooIdle(_ member: Member, _ now: MonotonicTime) -> Bool {
        let lastReturn = member.lastReturn.load(ordering: .relaxed)
        return now.nanoseconds > lastReturn && now.nanoseconds - lastReturn >= limits.idleTimeout
    }
}
