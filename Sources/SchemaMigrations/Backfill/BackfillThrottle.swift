import Postgres

/// Tells whether a backfill should hold back, and why.
struct BackfillThrottle {
    private let options: MigratorOptions
    private let step: PlannedStep
    private var lag = ReplicaLag()
    private var lastLook: ContinuousClock.Instant?

    /// How often the server is asked.
    static let interval: Duration = .milliseconds(200)

    init(_ options: MigratorOptions, _ step: PlannedStep) {
        self.options = options
        self.step = step
    }

    /// Checks that what is to be looked at can be seen.
    ///
    /// - Throws: ``MigrationError`` when the role may not see how far replicas are.
    func check(_ connection: PostgresConnection) async throws {
        guard options.maximumReplicaLag != nil else { return }
        let maySee = try await connection.query("SELECT pg_has_role('pg_read_all_stats', 'USAGE')").one()
            .decode(Bool.self)
        guard maySee else {
            throw MigrationError(
                .cannotThrottle,
                "the replicas' lag is to be limited, but this role may not see it",
                hint: "GRANT pg_monitor TO the role, or leave --max-replica-lag out",
                exitCode: .usage
            )
        }
    }

    /// The reason to hold back; nil when there is none, or when it is too early to ask again.
    ///
    /// - Throws: ``MigrationError`` when the condition that was given cannot be evaluated, `PostgresError`.
    mutating func reason(_ connection: PostgresConnection) async throws -> String? {
        guard options.maximumReplicaLag != nil || options.throttleCondition != nil else { return nil }
        let now = ContinuousClock.now
        if let lastLook, now - lastLook < Self.interval { return nil }
        lastLook = now
        if let limit = options.maximumReplicaLag, let reason = try await lagReason(limit, connection) { return reason }
        return try await conditionReason(connection)
    }

    private mutating func lagReason(_ limit: Duration, _ connection: PostgresConnection) async throws -> String? {
        let row = try await connection.query(
            """
            SELECT (pg_current_wal_lsn() - '0/0')::int8, (min(replay_lsn) - '0/0')::int8 FROM pg_stat_replication
            """
        ).one()
        let (written, replayed) = try row.decode(Int64.self, Int64?.self)
        let found = lag.take(written: written, replayed: replayed, at: .now)
        return found > limit ? "replica lag \(found.rounded), more than \(limit.rounded)" : nil
    }

    private func conditionReason(_ connection: PostgresConnection) async throws -> String? {
        guard let condition = options.throttleCondition else { return nil }
        do {
            let isHeld = try await connection.withTransaction(.readOnly) { connection in
                try await connection.execute(script: "SET LOCAL statement_timeout = '5s'")
                return try await connection.query(PostgresQuery(unsafeSQL: condition)).one().decode(Bool?.self)
            }
            return isHeld == true ? "the condition that was given holds" : nil
        } catch let error as PostgresError where error.code != .cancelled && error.code != .connectionClosed {
            throw MigrationError(
                .cannotThrottle,
                "the condition to hold \(step.label) back cannot be evaluated: \(error)",
                hint: "it is a query of one row with one boolean, such as: SELECT count(*) > 9 FROM queue",
                exitCode: .usage,
                underlying: error
            )
        }
    }
}

/// How far replicas are behind, from what was written when.
///
/// Not the server's own `replay_lag`: that stands still as long as a replica replays nothing.
struct ReplicaLag {
    private var marks: [(time: ContinuousClock.Instant, position: Int64)] = []

    /// Takes in how far this server has written, and how far the slowest replica has replayed; nil without replicas.
    ///
    /// - Returns: How long ago the oldest thing was written that some replica lacks, as far as this has looked on.
    mutating func take(written: Int64, replayed: Int64?, at now: ContinuousClock.Instant) -> Duration {
        guard let replayed else {
            marks = []
            return .zero
        }
        if marks.last.map({ $0.position < written }) ?? true { marks.append((now, written)) }
        marks.removeAll { $0.position <= replayed }
        return marks.first.map { now - $0.time } ?? .zero
    }
}

/// Looks, while batches run, who waits for them.
final class WaiterWatch: Sendable {
    private let cost = LockCost(budget: .seconds(Int64(Int32.max)))
    private let seen = Lock(0)

    /// The server process that batches run in.
    var processID: Int32? {
        get { cost.processID }
        set { cost.processID = newValue }
    }

    /// How long others have waited for batches, added up over all of them.
    var othersBlocked: Duration { cost.othersBlocked }

    /// Looks until the task is cancelled.
    func run(_ observer: LockObserver, every interval: Duration) async {
        while (try? await Task.sleep(for: interval)) != nil {
            guard let process = processID, let sight = await observer.look(at: process) else { continue }
            _ = cost.take(sight, untilNext: interval)
            seen.withLock { $0 = max($0, sight.waiters.count) }
        }
    }

    /// How many have waited at once since the last call.
    func takeWaiters() -> Int {
        seen.withLock { seen in
            defer { seen = 0 }
            return seen
        }
    }
}
