import Postgres

/// What a load came to.
final class LoadLog: Sendable {
    struct State: CustomStringConvertible {
        var updates = Latencies()
        var reads = Latencies()
        var scans = Latencies()
        /// Updates that were told to be made.
        var acknowledged: Int64 = 0
        /// Updates whose answer was lost, and which, when made again, were found overtaken: made or not.
        var overtaken: Int64 = 0
        var bounces = 0
        /// Calls that were made again after a bounce.
        var repeated = 0
        var unexpected: [String] = []
        var hasMigrated = false
        var migrationTries = 0
        var memoryAtFirst = 0
        var memoryAtEnd = 0

        var memory: String { "\(memoryAtFirst >> 20) MiB after the first minute, \(memoryAtEnd >> 20) MiB at the end" }

        var description: String {
            "updates \(updates); reads \(reads); scans of abandoned VMMs \(scans); \(bounces) bounces of PgBouncer and pools, "
                + "\(repeated) calls made again after them; migration applied in \(migrationTries) "
                + "\(migrationTries == 1 ? "try" : "tries"); \(unexpected.count) other errors; \(acknowledged) updates "
                + "acknowledged, none lost (\(overtaken) overtaken after a lost answer); memory \(memory); connections and "
                + "descriptors left: 0"
        }
    }

    private let log = Lock(State())

    var state: State { log.withLock { $0 } }

    func note(_ change: (inout State) -> Void) {
        log.withLock { change(&$0) }
    }

    /// Takes the time of a call and makes it again while the way to the server bounces.
    func measure<R>(
        _ kind: any WritableKeyPath<State, Latencies> & Sendable,
        mayBounce: Bool,
        _ call: (_ isRepeated: Bool) async throws -> R
    ) async throws -> R {
        let start = ContinuousClock.now
        var isRepeated = false
        while true {
            do {
                let value = try await call(isRepeated)
                note { $0[keyPath: kind].add(ContinuousClock.now - start) }
                return value
            } catch let error as PostgresError {
                guard mayBounce, Self.isBounce(error) else {
                    note { $0.unexpected.append("\(error)") }
                    throw error
                }
                note { $0.repeated += 1 }
                isRepeated = true
            }
        }
    }

    private static func isBounce(_ error: PostgresError) -> Bool {
        [.connectionClosed, .connectionFailed, .commitOutcomeUnknown].contains(error.code)
    }
}

/// How long calls took, in steps of 100 µs up to 10 s.
struct Latencies: CustomStringConvertible {
    private static let step = 100
    private var buckets = [UInt32](repeating: 0, count: 100_001)
    private(set) var count = 0

    mutating func add(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        buckets[min(Int(microseconds) / Self.step, buckets.count - 1)] += 1
        count += 1
    }

    /// Below which time this share of the calls stayed, in milliseconds.
    func quantile(_ share: Double) -> Double {
        var left = Int((Double(count) * share).rounded(.up))
        for (index, calls) in buckets.enumerated() {
            left -= Int(calls)
            if left <= 0 { return Double((index + 1) * Self.step) / 1000 }
        }
        return .infinity
    }

    var description: String { "\(count) (median \(quantile(0.5)) ms, p99 \(quantile(0.99)) ms)" }
}
