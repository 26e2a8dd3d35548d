import Postgres

/// Looks, from a connection of its own, at who waits for a step and whom the step waits for.
///
/// The connection is opened when it is needed first: most steps are over before that.
actor LockObserver {
    private let configuration: PostgresConfiguration
    private let control: String
    private var connection: PostgresConnection?

    /// `control` is the bookkeeping table that runners wait for each other at.
    init(_ configuration: PostgresConfiguration, control: String) {
        self.configuration = configuration
        self.control = control
    }

    /// What is seen now; nil when no second connection is to be had.
    func look(at process: Int32) async -> LockSight? {
        do {
            let connection = try await connected()
            return LockSight(
                waiters: try await waiters(behind: process, connection),
                blockers: try await blockers(of: process, connection)
            )
        } catch {
            return nil
        }
    }

    /// How far a long statement is; nil when the server does not say, or cannot be asked.
    func progress(of process: Int32) async -> ServerProgress? {
        do {
            let connection = try await connected()
            let blockers = try await blockers(of: process, connection)
            let row = try await connection.query(
                """
                SELECT phase, done, total FROM (
                    SELECT pid, phase,
                        CASE WHEN blocks_total > 0 THEN blocks_done WHEN tuples_total > 0 THEN tuples_done
                            ELSE lockers_done END AS done,
                        CASE WHEN blocks_total > 0 THEN blocks_total WHEN tuples_total > 0 THEN tuples_total
                            ELSE lockers_total END AS total
                    FROM pg_stat_progress_create_index
                    UNION ALL SELECT pid, phase, heap_blks_scanned, heap_blks_total FROM pg_stat_progress_vacuum
                    UNION ALL SELECT pid, phase, heap_blks_scanned, heap_blks_total FROM pg_stat_progress_cluster
                ) AS p WHERE pid = \(process) AND phase IS NOT NULL
                """
            ).zeroOrOne()
            guard row != nil || !blockers.isEmpty else { return nil }
            let none = ("waiting", Int64(0), Int64(0))
            let (phase, done, total) = try row?.decode(String.self, Int64.self, Int64.self) ?? none
            let whom = blockers.map(\.name).joined(separator: "; ")
            return ServerProgress(phase: phase, done: done, total: total, waitingFor: blockers.isEmpty ? nil : whom)
        } catch {
            return nil
        }
    }

    func close() async {
        await connection?.close()
        connection = nil
    }

    private func connected() async throws -> PostgresConnection {
        if let connection, await !connection.isClosed { return connection }
        let new = try await PostgresConnection.connect(to: configuration)
        connection = new
        return new
    }

    /// Other runners, who wait for this one's line in the bookkeeping, do not count.
    private func waiters(behind process: Int32, _ connection: PostgresConnection) async throws -> [LockSight.Waiter] {
        try await connection.query(
            """
            SELECT l.pid, coalesce(extract(epoch FROM min(l.waitstart)), 0)::float8 AS since,
                coalesce(extract(epoch FROM clock_timestamp() - min(l.waitstart)), 0)::float8 AS seconds
            FROM pg_locks AS l
            WHERE NOT l.granted AND l.pid <> \(process) AND \(process) = ANY (pg_blocking_pids(l.pid))
                AND NOT EXISTS (SELECT FROM pg_locks AS m WHERE m.pid = l.pid AND m.relation = to_regclass(\(control)))
            GROUP BY l.pid
            """
        ).decode(LockSight.Waiter.self)
    }

    private func blockers(of process: Int32, _ connection: PostgresConnection) async throws -> [Blocker] {
        try await connection.query(
            """
            SELECT nullif(b.pid, 0) AS pid, coalesce(l.virtualtransaction, '') AS transaction,
                \(unsafeSQL: Blocker.columns)
            FROM (SELECT DISTINCT unnest(pg_blocking_pids(\(process))) AS pid) AS b
            LEFT JOIN pg_locks AS l ON l.pid = b.pid AND l.locktype = 'virtualxid' AND l.granted
            LEFT JOIN pg_stat_activity AS a ON a.pid = b.pid
            """
        ).decode(Blocker.self)
    }
}

/// Who waits for whom at one moment.
struct LockSight: Sendable {
    /// A session that waits for a lock which a step holds, or asked for before it.
    struct Waiter: PostgresRecord {
        static let columnNames = ["pid", "since", "seconds"]

        let processID: Int32
        /// When it began to wait, by the server's clock: tells its waits apart.
        let since: Double
        let seconds: Double

        init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
            processID = try columns.next()
            since = try columns.next()
            seconds = try columns.next()
        }
    }

    let waiters: [Waiter]
    let blockers: [Blocker]
}
