import Synchronization

/// Where a connection was asked for.
struct CallSite: Sendable, Hashable, CustomStringConvertible {
    let fileID: String
    let line: UInt

    var description: String { "\(fileID):\(line)" }
}

/// One lending of a connection: who holds it since when.
final class PoolLease: Sendable {
    /// The lease that the present task, or the one that started it, holds; the innermost of several.
    @TaskLocal static var current: PoolLease?

    let pool: ObjectIdentifier
    let callSite: CallSite
    let start: MonotonicTime
    let member: PoolState<Session>.Member
    /// A lease that was held when this one was asked for.
    let outer: PoolLease?
    private let isEnded = Atomic<Bool>(false)
    private let isReported = Atomic<Bool>(false)
    private let sawLostServer = Atomic<Bool>(false)
    private let sawReadOnlyServer = Atomic<Bool>(false)

    init(_ member: PoolState<Session>.Member, pool: ObjectIdentifier, callSite: CallSite, start: MonotonicTime) {
        self.member = member
        self.pool = pool
        self.callSite = callSite
        self.start = start
        let outer = Self.current
        self.outer = outer?.isHeld == true ? outer : nil
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

    /// The lease of the same pool that the present task holds already.
    static func held(of pool: ObjectIdentifier) -> PoolLease? {
        var lease = current
        while let candidate = lease {
            if candidate.pool == pool, candidate.isHeld { return candidate }
            lease = candidate.outer
        }
        return nil
    }
}
