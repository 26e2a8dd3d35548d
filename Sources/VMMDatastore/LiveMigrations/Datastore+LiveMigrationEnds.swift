import Postgres
public import VMMModel

/// What marking a live migration failed came to.
public enum MarkLiveMigrationFailedOutcome: Hashable, Sendable {
    /// Each side that had not failed was marked failed by this call; this is what the live migration was before.
    case marked(before: LiveMigration)

    /// Both sides have failed already; their generations stay.
    case alreadyFailed(now: LiveMigration)

    /// A side has completed: the instance may run at the target, and nothing was written.
    case completed(now: LiveMigration)

    /// The row is marked deleted; nothing was written.
    case deleted(now: LiveMigration)
}

/// What marking a live migration deleted came to.
public enum LiveMigrationDeletionOutcome: Hashable, Sendable {
    /// The live migration was marked deleted by this call; this is what it was before.
    case deleted(before: LiveMigration)

    /// The live migration was marked deleted earlier.
    case alreadyDeleted(now: LiveMigration)
}

extension Datastore {
    private static let liveMigrationFailure = RowChange<LiveMigration, Timestamp>(
        set: LiveMigrationSide.allCases.map { side in
            // A side that failed by itself keeps its generation and time. The time is the second parameter of both.
            let hasFailed = "found.\(side.prefix)_state = 'failed'"
            return """
                \(side.prefix)_state = 'failed',
                \(side.prefix)_gen = CASE WHEN \(hasFailed) THEN found.\(side.prefix)_gen
                  ELSE found.\(side.prefix)_gen + 1 END,
                time_\(side.prefix)_updated = CASE WHEN \(hasFailed) THEN found.time_\(side.prefix)_updated
                  ELSE \(side == .source ? "$?" : "$2") END
                """
        }.joined(separator: ", "),
        when: """
            found.time_deleted IS NULL AND 'completed' NOT IN (found.source_state, found.target_state)
            AND NOT (found.source_state = 'failed' AND found.target_state = 'failed')
            """,
        binding: [Parameter { $0 }]
    )

    private static let liveMigrationDeletion = RowChange<LiveMigration, Timestamp>(
        set: "time_deleted = $?",
        when: "found.time_deleted IS NULL",
        binding: [Parameter { $0 }]
    )

    /// Marks both sides of a live migration failed, as the undo of a saga does that could not start it.
    ///
    /// A side that has failed stays as it is, so calling again changes nothing. A live migration of which a side has
    /// completed is left alone.
    ///
    /// - Throws: ``DatastoreError``: `notFound` when there is no such live migration; `invalidRow`. `PostgresError`,
    ///   also when a side has the last generation there is (SQLSTATE 22003).
    public func markFailed(
        _ id: LiveMigrationID,
        at time: Timestamp = .now()
    ) async throws -> MarkLiveMigrationFailedOutcome {
        let (wasWritten, row) = try await Self.liveMigrationFailure.run(id, time, on: pool)
        if wasWritten { return .marked(before: row) }
        if row.timeDeleted != nil { return .deleted(now: row) }
        return row.eitherSideCompleted ? .completed(now: row) : .alreadyFailed(now: row)
    }

    /// Marks a live migration deleted.
    ///
    /// - Throws: ``DatastoreError``: `notFound` when there is no such live migration; `invalidRow`. `PostgresError`.
    public func markDeleted(
        _ id: LiveMigrationID,
        at time: Timestamp = .now()
    ) async throws -> LiveMigrationDeletionOutcome {
        let (wasWritten, row) = try await Self.liveMigrationDeletion.run(id, time, on: pool)
        return wasWritten ? .deleted(before: row) : .alreadyDeleted(now: row)
    }

    /// Marks all live migrations of an instance deleted.
    ///
    /// - Returns: How many this call marked; 0 when they were deleted already, or there are none.
    /// - Throws: `PostgresError`.
    @discardableResult
    public func markLiveMigrationsDeleted(of id: InstanceID, at time: Timestamp = .now()) async throws -> Int {
        try await Self.deleteLiveMigrations(of: id, at: time, on: pool)
    }

    static func deleteLiveMigrations(
        of id: InstanceID,
        at time: Timestamp,
        on session: some QueryRunner
    ) async throws -> Int {
        let rows = try await session.run(
            """
            WITH live AS (
              SELECT id FROM migration WHERE instance_id = \(id) AND time_deleted IS NULL
              ORDER BY id FOR NO KEY UPDATE
            )
            UPDATE migration SET time_deleted = \(time) FROM live WHERE migration.id = live.id
            """
        )
        return rows.commandTag.rowCount ?? 0
    }
}
