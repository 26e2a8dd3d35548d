import Postgres

/// Writes the schema's fingerprint to the history when a migration is complete.
///
/// After the migration's own transaction, so that its table locks are not held meanwhile. A run of up to ten migrations
/// records each. A longer one records the last, and others while that takes no more than a share of its time: hashing
/// a schema of 1,000 tables takes the server some 40 ms, which would come to most of the time of a run that makes them.
struct FingerprintRecorder: Sendable {
    let store: HistoryStore
    let token: FencingToken
    /// The migrations that the run completes.
    private let count: Int
    private let last: MigrationVersion?
    private let share: Double
    private let begin = ContinuousClock.now
    private var spent = Duration.zero

    /// The default of ``MigratorOptions/fingerprintShare``.
    static let usualShare = 0.05
    /// So many are recorded whatever it takes.
    static let shortRun = 10

    init(store: HistoryStore, token: FencingToken, plan: MigrationPlan, share: Double) {
        self.store = store
        self.token = token
        self.share = share
        let ends = plan.pending.filter(\.isLast)
        count = ends.count
        last = ends.last?.migration.version
    }

    /// Whether the step completes a migration whose fingerprint is to be recorded.
    func isDue(after step: PlannedStep) -> Bool {
        guard step.isLast else { return false }
        guard count > Self.shortRun, step.migration.version != last else { return true }
        return spent / max(ContinuousClock.now - begin, .nanoseconds(1)) <= share
    }

    /// Records the fingerprint.
    ///
    /// A schema that cannot be read right now, because somebody keeps a lock or drops things meanwhile, stays without
    /// a fingerprint: that must not fail a migration that is applied.
    mutating func record(after step: PlannedStep, _ connection: PostgresConnection) async throws {
        let start = ContinuousClock.now
        defer { spent += ContinuousClock.now - start }
        let reader = SchemaReader(bookkeepingSchema: store.schema)
        do {
            let fingerprint = try await reader.fingerprint(connection)
            try await store.record(fingerprint, of: step.migration.version, token, connection)
        } catch let error as PostgresError where error.code == .server {
            return
        }
    }
}

extension PlannedStep {
    /// Whether the migration is complete behind it.
    fileprivate var isLast: Bool { step.ordinal == migration.steps.count }
}

extension HistoryStore {
    /// Writes the fingerprint to the line of the version's last step.
    ///
    /// Does not wait for the disk: after a crash of the server it may be missing, which means "not recorded".
    func record(
        _ fingerprint: SchemaFingerprint,
        of version: MigrationVersion,
        _ token: FencingToken,
        _ connection: PostgresConnection
    ) async throws {
        try await connection.withTransaction { connection in
            try await connection.execute(script: "SET LOCAL synchronous_commit = off")
            try await connection.query(
                once(
                    """
                    UPDATE \(unsafeSQL: history) SET schema_fingerprint = \(fingerprint.description)
                    WHERE version = \(version.number) AND step = step_count
                        AND EXISTS (SELECT FROM \(unsafeSQL: control) WHERE token = \(token.value))
                    """
                )
            )
        }
    }

    /// The fingerprints that were recorded, by version.
    func fingerprints(_ connection: PostgresConnection) async throws -> [MigrationVersion: SchemaFingerprint] {
        let rows = try await connection.query(
            once(
                """
                SELECT version, schema_fingerprint FROM \(unsafeSQL: history) WHERE schema_fingerprint IS NOT NULL
                """
            )
        )
        var fingerprints: [MigrationVersion: SchemaFingerprint] = [:]
        for row in rows {
            let (number, text) = try row.decode(Int64.self, String.self)
            guard let version = MigrationVersion(number), let fingerprint = SchemaFingerprint(text) else { continue }
            fingerprints[version] = fingerprint
        }
        return fingerprints
    }
}
