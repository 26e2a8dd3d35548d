import Synchronization

/// Where a connection was asked for.
struct CallSite: Sendable, Hashable, CustomStringConvertible {
    let fileID: String
    let line: UInt

    var description: String { "\(fileID):\(line)" }
}

/// One asking for a connection.
struct PoolRequest: Sendable {
    let callSite: CallSite
    let time: MonotonicTime
    /// The lease within which it is asked for; it may have ended.
    let outer: PoolLease?
}

/// One lending of a connection: who holds it since when.
final class PoolLease: Sendable {
    /// The lease that the present task, or the one that started it, holds; the innermost of several.
    @TaskLocal static var current = Current(lease: nil)

    /// Not an `Optional`, which the task's storage would copy by way of run-time generics.
    struct Current: Sendable {
        let lease: PoolLease?
    }

    let pool: ObjectIdentifier
    let callSite: CallSite
    let start: MonotonicTime
    let member: PoolState<Session>.Member
    /// A lease that was held when this one was asked for.
    let outer: PoolLease?
    /// Its place in ``PoolLeases``, which alone uses it, under the pool's lock.
    fileprivate let slot = Atomic<Int>(0)
    private let isEnded = Atomic<Bool>(false)
    private let isReported = Atomic<Bool>(false)
    private let sawLostServer = Atomic<Bool>(false)
    private let sawReadOnlyServer = Atomic<Bool>(false)

    init(_ member: PoolState<Session>.Member, of pool: PostgresPool, _ request: PoolRequest, start: MonotonicTime) {
        self.member = member
        self.pool = ObjectIdentifier(pool)
        callSite = request.callSite
        self.start = start
        outer = request.outer?.isHeld == true ? request.outer : nil
    }

    var session: Session { member.session }

    var isHeld: Bool { !isEnded.load(ordering: .acquiring) }

    func end() { isEnded.store(true, ordering: .releasing) }

    /// True for the first who asks.
    func report() -> Bool { !isReported.exchange(true, ordering: .relaxed) }

    /// What the holder's errors tell of the server.
    var saw: (lostServer: Bool, readOnlyServer: Bool) {
        (sawLostServer.load(ordering: .relaxed), sawReadOnlyServer.load(ordering: .relaxed))
    }

    var sawTrouble: Bool { saw.lostServer || saw.readOnlyServer }

    /// Remembers an error that speaks of the server rather than of the statement.
    func note(_ error: PostgresError) {
        switch error.sqlState {
        case .readOnlyTransaction?: sawReadOnlyServer.store(true, ordering: .relaxed)
        case .adminShutdown?, .crashShutdown?, .cannotConnectNow?, .connectionException?:
            sawLostServer.store(true, ordering: .relaxed)
        // Closed by its holder says nothing of the server: nothing was sent then.
        case nil where error.code == .connectionClosed && !error.nothingWasSent:
            sawLostServer.store(true, ordering: .relaxed)
        default: break
        }
    }

    /// The innermost lease of the pool that is held, of this one and those around it.
    func held(of pool: PostgresPool) -> PoolLease? {
        var lease: PoolLease? = self
        while let candidate = lease {
            if candidate.pool == ObjectIdentifier(pool), candidate.isHeld { return candidate }
            lease = candidate.outer
        }
        return nil
    }
}

/// The leases that are held; each knows its place, so that ending one needs no search and no hash.
struct PoolLeases {
    private(set) var all: [PoolLease] = []

    mutating func insert(_ lease: PoolLease) {
        lease.slot.store(all.count, ordering: .relaxed)
        all.append(lease)
    }

    /// Takes a lease out, whose place the last one gets.
    mutating func remove(_ lease: PoolLease) {
        let slot = lease.slot.load(ordering: .relaxed)
        guard all.indices.contains(slot), all[slot] === lease, let last = all.popLast() else { return }
        guard last !== lease else { return }
        all[slot] = last
        last.slot.store(slot, ordering: .relaxed)
    }
}
