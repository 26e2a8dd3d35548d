import Postgres

/// What a step costs others while it asks for its locks and holds them, and how much that may be.
///
/// The cost is the time that others wait for the step, added up over all of them and over all tries.
final class LockCost: Sendable {
    let budget: Duration
    private let state = Lock(State())

    private struct Wait: Hashable {
        let processID: Int32
        let since: Double
    }

    private struct State {
        /// How long each wait was when last seen.
        var waits: [Wait: Double] = [:]
        var unseen: Duration = .zero
        var waiting = 0
        var processID: Int32?
        var blockers: [Blocker] = []
        var hasSteppedOut = false
        var isBlind = false

        var total: Duration { .seconds(waits.values.reduce(0, +)) + unseen }
    }

    init(budget: Duration) {
        self.budget = budget
    }

    /// How long others have waited so far.
    var othersBlocked: Duration { state.withLock(\.total) }

    var remaining: Duration { max(.zero, budget - othersBlocked) }

    /// The server process of the try that is under way, once it is known.
    var processID: Int32? {
        get { state.withLock(\.processID) }
        set { state.withLock { $0.processID = newValue } }
    }

    /// Who was last seen in the way.
    var blockers: [Blocker] { state.withLock(\.blockers) }

    /// Whether a try was ended because the next look would have come too late.
    var hasSteppedOut: Bool { state.withLock(\.hasSteppedOut) }

    /// Takes in what was seen; nil is the sight of somebody who has no second connection.
    ///
    /// - Returns: Whether the try must end now, for the budget not to be overdrawn before the next look.
    func take(_ sight: LockSight?, untilNext interval: Duration) -> Bool {
        state.withLock { state in
            state.isBlind = sight == nil
            guard let sight else { return false }
            for waiter in sight.waiters {
                state.waits[Wait(processID: waiter.processID, since: waiter.since)] = waiter.seconds
            }
            state.waiting = sight.waiters.count
            if !sight.blockers.isEmpty { state.blockers = sight.blockers }
            state.hasSteppedOut = state.total + interval * state.waiting >= budget && state.waiting > 0
            return state.hasSteppedOut
        }
    }

    /// Notes who is in the way, from a look before a try.
    func see(_ blockers: [Blocker]) {
        state.withLock { $0.blockers = blockers }
    }

    /// A try has failed after queueing so long; where nobody could be seen, one other is taken to have waited as long.
    func bookFailedTry(_ queued: Duration) {
        state.withLock { state in
            state.processID = nil
            if state.isBlind { state.unseen += queued }
        }
    }
}
