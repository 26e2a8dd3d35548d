import Postgres

/// Decides, from who is in the way, whether to try for a lock and on which terms.
struct LockApproach {
    let lockTimeout: Duration
    private(set) var tries = 0
    private var looks = 0
    /// The transactions that were in the way at the last look.
    private var seen: Set<String> = []
    private var hasOutwaitedAutovacuum = false

    init(lockTimeout: Duration) {
        self.lockTimeout = lockTimeout
    }

    /// Those who would outlast a try, so that it would only make others wait; nil when there are none.
    ///
    /// They are older than a try, or were there at the look before already.
    mutating func obstacle(in found: [Blocker]) -> [Blocker]? {
        let before = seen
        seen = Set(found.map(\.transaction))
        looks += 1
        let limit = lockTimeout / .seconds(1)
        let lasting = found.filter { blocker in
            if blocker.givesWay { return hasOutwaitedAutovacuum }
            return blocker.processID == nil || before.contains(blocker.transaction) || (blocker.seconds ?? 0) > limit
        }
        return lasting.isEmpty ? nil : lasting
    }

    /// The terms of the next try; `limit` is what is left of the stall budget.
    ///
    /// An autovacuum worker gives way only to who has waited for `deadlock_timeout`, one second by default. That is
    /// set below the try's limit where the role may do so; else one single try lasts longer than it.
    mutating func next(
        on connection: PostgresConnection,
        _ found: [Blocker],
        limit: Duration?
    ) async throws -> LockTry {
        tries += 1
        var timeout = lockTimeout
        var deadlockTimeout: Duration?
        if found.contains(where: \.givesWay) {
            let (server, mayBeSet) = try await Self.deadlockTimeout(connection)
            if mayBeSet {
                deadlockTimeout = lockTimeout / 2
            } else {
                hasOutwaitedAutovacuum = true
                timeout += server
            }
        }
        if let limit { timeout = min(timeout, limit) }
        return LockTry(lockTimeout: timeout, deadlockTimeout: deadlockTimeout, number: tries)
    }

    /// How long to let others through: some chance, growing to two seconds.
    var pause: Duration {
        let ceiling = min(2000, 100 << min(looks, 5))
        return .milliseconds(Int64.random(in: 50...Int64(max(51, ceiling))))
    }

    /// The server's setting, and whether this role may have another one.
    private static func deadlockTimeout(_ connection: PostgresConnection) async throws -> (Duration, Bool) {
        let mayBeSet =
            await connection.serverVersion >= 150_000
            ? "has_parameter_privilege('deadlock_timeout', 'SET')" : "current_setting('is_superuser')::boolean"
        let (milliseconds, isAllowed) = try await connection.query(
            "SELECT setting::int8, \(unsafeSQL: mayBeSet) FROM pg_settings WHERE name = 'deadlock_timeout'"
        ).one().decode(Int64.self, Bool.self)
        return (.milliseconds(milliseconds), isAllowed)
    }
}
