import CLibPQ
import Foundation
import Glibc
import Synchronization

/// One thread that waits for the sockets of all connections of the process.
///
/// A command is sent on its caller's thread; only when the answer is not there yet does the task suspend and this
/// thread resume it. Sockets are armed one-shot and level-triggered: one read of libpq's does not promise to drain a
/// socket, so an edge could be missed. Each wait ends by exactly one of: ready, deadline, interrupted, failed.
/// The system calls are `epoll_create1(2)`, `epoll_ctl(2)`, `epoll_wait(2)` and `eventfd(2)`.
final class Poller: Sendable {
    private struct Watches {
        var byID: [UInt64: SocketWatch] = [:]
        /// The watch to which each descriptor's registration belongs.
        var owners: [Int32: UInt64] = [:]
        var lastID: UInt64 = 0
    }

    /// The poller of the process, or why the system refused to make it (no descriptors left).
    static let shared: Result<Poller, PostgresError> = makeShared()

    /// `epoll` data of the event descriptor; sockets count from 1.
    private static let wakeID: UInt64 = 0
    private static let never = UInt64.max

    private let epoll: Int32
    private let wakeDescriptor: Int32
    private let watches = Lock(Watches())
    /// The earliest deadline that the thread knows of.
    ///
    /// A wait with an earlier one has to wake it.
    private let sleepsUntil = Atomic<UInt64>(Poller.never)
    /// How many tasks wait for the answer to a statement.
    fileprivate let awaitedAnswers = Atomic(0)

    private init(epoll: Int32, wakeDescriptor: Int32) {
        self.epoll = epoll
        self.wakeDescriptor = wakeDescriptor
    }

    private static func makeShared() -> Result<Poller, PostgresError> {
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        let wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        let poller = Poller(epoll: epoll, wakeDescriptor: wake)
        guard epoll >= 0, wake >= 0,
            poller.control(EPOLL_CTL_ADD, wake, events: VMM_EPOLLIN, id: wakeID) == 0
        else {
            return .failure(PostgresError(.connectionFailed, "cannot watch sockets: \(systemErrorText(errno))"))
        }
        let thread = Thread { poller.run() }
        thread.name = "postgres-poller"
        thread.stackSize = 512 << 10
        thread.start()
        return .success(poller)
    }

    /// Begins to watch a socket.
    ///
    /// It stays silent until its watch is waited for.
    func watch(_ descriptor: Int32) throws(PostgresError) -> SocketWatch {
        let (watch, failure) = watches.withLock { watches -> (SocketWatch, Int32?) in
            watches.lastID += 1
            let watch = SocketWatch(poller: self, id: watches.lastID, descriptor: descriptor)
            guard control(EPOLL_CTL_ADD, descriptor, events: 0, id: watch.id) == 0 else { return (watch, errno) }
            watches.byID[watch.id] = watch
            watches.owners[descriptor] = watch.id
            return (watch, nil)
        }
        guard let failure else { return watch }
        let reason = systemErrorText(failure)
        throw PostgresError(.connectionFailed, "cannot watch the connection's socket: \(reason)")
    }

    /// Ends a watch.
    ///
    /// Should come before the socket is closed, but libpq closes the socket of a broken connection itself: its number may
    /// have been given out again, and the registration under it be another's.
    func unwatch(_ watch: SocketWatch) {
        watches.withLock { watches in
            watches.byID.removeValue(forKey: watch.id)
            guard watches.owners[watch.descriptor] == watch.id else { return }
            watches.owners.removeValue(forKey: watch.descriptor)
            _ = control(EPOLL_CTL_DEL, watch.descriptor, events: 0, id: watch.id)
        }
        watch.finish(.failed)
    }

    fileprivate func arm(_ watch: SocketWatch, events: UInt32) -> Bool {
        control(EPOLL_CTL_MOD, watch.descriptor, events: events | VMM_EPOLLONESHOT, id: watch.id) == 0
    }

    /// Makes sure that the thread is awake at `deadline`.
    fileprivate func expect(deadline: UInt64) {
        guard lowerSleep(to: deadline) else { return }
        var one: UInt64 = 1
        _ = unsafe write(wakeDescriptor, &one, MemoryLayout<UInt64>.size)
    }

    /// Whether `deadline` is now the earliest that the thread knows of.
    private func lowerSleep(to deadline: UInt64) -> Bool {
        var known = sleepsUntil.load(ordering: .sequentiallyConsistent)
        while deadline < known {
            let (exchanged, original) = sleepsUntil.compareExchange(
                expected: known,
                desired: deadline,
                ordering: .sequentiallyConsistent
            )
            if exchanged { return true }
            known = original
        }
        return false
    }

    private func control(_ operation: Int32, _ descriptor: Int32, events: UInt32, id: UInt64) -> Int32 {
        var event = unsafe epoll_event(events: events, data: epoll_data_t(u64: id))
        return unsafe epoll_ctl(epoll, operation, descriptor, &event)
    }

    private func run() {
        let capacity = 64
        unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: capacity) { events in
            unsafe events.initialize(repeating: epoll_event())
            while true {
                let count = unsafe epoll_wait(epoll, events.baseAddress, Int32(capacity), timeout())
                for index in 0..<max(0, Int(count)) {
                    unsafe deliver(events[index].data.u64)
                }
                if MonotonicTime.now().nanoseconds >= sleepsUntil.load(ordering: .relaxed) { expire() }
            }
        }
    }

    private func deliver(_ id: UInt64) {
        guard id != Self.wakeID else {
            var count: UInt64 = 0
            _ = unsafe read(wakeDescriptor, &count, MemoryLayout<UInt64>.size)
            return
        }
        // An event may outlive its watch; then nobody is found under its number.
        watches.withLock { $0.byID[id] }?.finish(.ready)
    }

    /// Milliseconds until the earliest known deadline, rounded up; -1 when there is none.
    private func timeout() -> Int32 {
        let earliest = sleepsUntil.load(ordering: .sequentiallyConsistent)
        guard earliest != Self.never else { return -1 }
        let now = MonotonicTime.now().nanoseconds
        return earliest > now ? Int32(clamping: (earliest - now) / 1_000_000 + 1) : 0
    }

    /// Ends the waits whose deadline passed and finds the next earliest.
    ///
    /// The known deadline may belong to a wait that is long over; then this look finds nothing to end. It happens once
    /// per such deadline, not once per query.
    private func expire() {
        sleepsUntil.store(Self.never, ordering: .sequentiallyConsistent)
        let now = MonotonicTime.now().nanoseconds
        let armed = watches.withLock { Array($0.byID.values) }
        var earliest = Self.never
        for watch in armed {
            let deadline = watch.deadline
            if deadline <= now {
                watch.finish(.deadline, ifDueAt: now)
            } else {
                earliest = min(earliest, deadline)
            }
        }
        _ = lowerSleep(to: earliest)
    }
}

/// The text of a system error number.
func systemErrorText(_ number: Int32) -> String {
    unsafe String(cString: strerror(number))
}

/// One socket that is watched, and the one task that may be waiting for it.
final class SocketWatch: Sendable {
    /// Why a wait ended.
    enum Wake: Sendable {
        case ready
        case deadline
        case interrupted
        case failed
    }

    /// What a wait is for.
    struct Interest: OptionSet, Sendable {
        let rawValue: UInt32

        static let read = Interest(rawValue: VMM_EPOLLIN)
        static let write = Interest(rawValue: VMM_EPOLLOUT)
    }

    /// `@safe`: ``finish(_:ifDueAt:)`` takes the continuation out before it resumes it, under the lock.
    @safe
    private struct State {
        var waiter: UnsafeContinuation<Wake, Never>?
        var deadline = UInt64.max
        var isInterrupted = false
    }

    let id: UInt64
    let descriptor: Int32
    private let poller: Poller
    private let state = Lock(State())

    init(poller: Poller, id: UInt64, descriptor: Int32) {
        self.poller = poller
        self.id = id
        self.descriptor = descriptor
    }

    var deadline: UInt64 { state.withLock { $0.deadline } }

    /// Suspends until the socket is ready, the deadline passed, or ``interrupt()`` was called (also before this call).
    func wait(for interest: Interest, until deadline: MonotonicTime?, isolation: isolated any Actor) async -> Wake {
        // Unsafe: this is the hot path, and `finish` hands the continuation out exactly once.
        unsafe await withUnsafeContinuation(isolation: isolation) { continuation in
            let isInterrupted = state.withLock { state in
                guard !state.isInterrupted else { return true }
                unsafe state.waiter = unsafe continuation
                state.deadline = deadline?.nanoseconds ?? .max
                return false
            }
            guard !isInterrupted else { return unsafe continuation.resume(returning: .interrupted) }
            guard poller.arm(self, events: interest.rawValue) else { return finish(.failed) }
            if let deadline { poller.expect(deadline: deadline.nanoseconds) }
        }
    }

    /// As ``wait(for:until:isolation:)``, for what is often there within a moment: the first parts of an answer.
    ///
    /// When nobody else waits for an answer, the caller's thread waits for that moment itself: through the poller, an
    /// answer wakes two threads one after the other, which takes as long as the server needs for a short statement.
    /// When others wait, their answers come in meanwhile, and the thread is theirs. `ownWaits` is for how many waits the
    /// thread may do so; none any more when one of them took too long.
    func waitForAnswer(
        _ interest: Interest,
        until deadline: MonotonicTime?,
        ownWaits: inout Int,
        isolation: isolated any Actor
    ) async -> Wake {
        let others = poller.awaitedAnswers.add(1, ordering: .relaxed).oldValue
        defer { poller.awaitedAnswers.subtract(1, ordering: .relaxed) }
        if others == 0, ownWaits > 0 {
            ownWaits -= 1
            if isReady(interest, within: Self.moment) { return .ready }
            ownWaits = 0
        }
        return await wait(for: interest, until: deadline, isolation: isolation)
    }

    /// Nanoseconds: beyond nearly every guarded update, and tasks that want the thread hardly notice it.
    ///
    /// Not less than the kernel's tick, which is 4 ms in most builds: for an earlier timer the kernel sets the clock's
    /// next interrupt with each wait and takes it back, which costs a virtual machine some 9 µs.
    private static let moment = 4_000_000

    /// `ppoll(2)`; false also when a signal ends it early.
    private func isReady(_ interest: Interest, within nanoseconds: Int) -> Bool {
        var events = Int16(0)
        if interest.contains(.read) { events |= Int16(POLLIN) }
        if interest.contains(.write) { events |= Int16(POLLOUT) }
        var socket = pollfd(fd: descriptor, events: events, revents: 0)
        var limit = timespec(tv_sec: 0, tv_nsec: nanoseconds)
        return unsafe ppoll(&socket, 1, &limit, nil) == 1
    }

    /// Ends the watch.
    ///
    /// Must come before its socket is closed.
    func stop() {
        poller.unwatch(self)
    }

    /// Ends the present wait, or the next one, as interrupted.
    func interrupt() {
        state.withLock { $0.isInterrupted = true }
        finish(.interrupted)
    }

    /// Forgets an interruption, so that what follows (draining, rolling back) can wait again.
    func clearInterruption() {
        state.withLock { $0.isInterrupted = false }
    }

    fileprivate func finish(_ wake: Wake, ifDueAt now: UInt64 = .max) {
        let waiter = unsafe state.withLock { state -> UnsafeContinuation<Wake, Never>? in
            guard wake != .deadline || state.deadline <= now else { return nil }
            defer {
                unsafe state.waiter = nil
                state.deadline = .max
            }
            return unsafe state.waiter
        }
        unsafe waiter?.resume(returning: wake)
    }
}
