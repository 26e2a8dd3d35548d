import Postgres

/// What happened during one attempt of a step, coarse enough to be kept.
public struct AttemptTrace: Sendable, Hashable, Codable {
    /// A time in which the step held back, or waited for a better moment to ask for its locks.
    public struct Pause: Sendable, Hashable, Codable {
        /// When it began, in milliseconds since the attempt did.
        public var atMS: Int64
        /// How long it was, in milliseconds; of several, together.
        public var durationMS: Int64
        /// How many pauses these are.
        public var count: Int
        /// Why; of several, the last reason.
        public var reason: String
    }

    /// How far a backfill was at one moment.
    public struct Point: Sendable, Hashable, Codable {
        /// When, in milliseconds since the attempt began.
        public let atMS: Int64
        /// Rows changed so far, in all runs.
        public let rows: Int64
        /// Batches committed so far, in all runs.
        public let batches: Int64
    }

    /// The pauses, in order; beyond 40, the last stands for all that follow.
    public private(set) var pauses: [Pause] = []
    /// How far a backfill was, at up to 60 moments.
    public private(set) var points: [Point] = []

    /// Nothing has happened.
    public init() {}

    private static let mostPauses = 40
    private static let mostPoints = 60

    /// Adds a pause; one with the reason of the last grows it.
    mutating func add(_ pause: Pause) {
        guard let last = pauses.last, last.reason == pause.reason || pauses.count >= Self.mostPauses else {
            pauses.append(pause)
            return
        }
        pauses[pauses.count - 1].durationMS += pause.durationMS
        pauses[pauses.count - 1].count += pause.count
        pauses[pauses.count - 1].reason = pause.reason
    }

    /// Adds a moment; when there are too many, every second one goes.
    mutating func add(_ point: Point) {
        if points.count >= Self.mostPoints { points = points.indices.filter { $0 % 2 == 1 }.map { points[$0] } }
        points.append(point)
    }
}

/// Takes down, from the events of an attempt, what is kept of it.
final class AttemptTraceRecorder: Sendable {
    private struct State {
        var trace = AttemptTrace()
        /// Since when the step holds back, and why.
        var open: (since: Int64, reason: String)?

        mutating func close(at now: Int64) {
            guard let open else { return }
            let duration = max(0, now - open.since)
            trace.add(AttemptTrace.Pause(atMS: open.since, durationMS: duration, count: 1, reason: open.reason))
            self.open = nil
        }
    }

    private let start = ContinuousClock.now
    private let state = Lock(State())

    /// What is to be stored; nil when there is nothing.
    var stored: PostgresJSON<AttemptTrace>? {
        let now = now
        let trace = state.withLock { state in
            state.close(at: now)
            return state.trace
        }
        return trace == AttemptTrace() ? nil : PostgresJSON(trace)
    }

    func take(_ event: MigrationEvent) {
        let now = now
        state.withLock { state in
            switch event {
            case .stepThrottled(_, let reason):
                state.close(at: now)
                state.open = (now, reason)
            case .stepRetried(_, _, let pause, let reason):
                state.close(at: now)
                let duration = Int64(pause.milliseconds)
                state.trace.add(AttemptTrace.Pause(atMS: now, durationMS: duration, count: 1, reason: reason))
            case .stepProgress(_, let progress):
                state.close(at: now)
                state.trace.add(AttemptTrace.Point(atMS: now, rows: progress.rows, batches: progress.batches))
            default: break
            }
        }
    }

    private var now: Int64 { Int64((ContinuousClock.now - start).milliseconds) }
}
