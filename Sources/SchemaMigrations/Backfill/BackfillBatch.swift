import Postgres

/// A part of a backfill's table, changed in one transaction.
struct BackfillBatch: Sendable {
    /// What becomes of rows that others have locked.
    enum Manner: Sendable {
        /// The batch fails at once.
        case atOnce
        /// They are passed over; the pass comes back to them.
        case skippingLocked
        /// They are waited for, as long as a lock may be waited for.
        case comingBack
    }

    let table: BackfillTable
    /// What there is to do; where a key is walked, the batch itself finds how far it gets.
    let span: BackfillSpan
    /// How many rows to walk by key at most.
    let limit: Int64
    let manner: Manner
    /// Which rows of the pages it takes.
    var share = RowShare.all

    /// The same part in another manner, and all its rows: what is locked is passed over once for all shares.
    func inManner(_ manner: Manner) -> BackfillBatch {
        BackfillBatch(table: table, span: span, limit: limit, manner: manner)
    }
}

extension BackfillTable {
    func range(_ span: BackfillSpan) -> BackfillRange {
        BackfillRange(relation: relation, storage: storage, span: span)
    }
}

/// Commits batches, each together with its cursor and counts.
struct BatchRunner: Sendable {
    let step: PlannedStep
    let statement: BackfillStatement
    let store: HistoryStore
    let attempt: AttemptKey
    let options: MigratorOptions
    let watch: WaiterWatch
    let session: StepSession

    /// What a batch has led to.
    enum Outcome: Sendable {
        case committed(BackfillBatch, BackfillCursor, took: Duration, RunRequest)
        /// The table was rewritten since its pages were counted; nothing was changed.
        case rewritten
    }

    /// A row that somebody else has locked is not worth a wait.
    private static let shortestWait: Duration = .milliseconds(1)

    func commit(
        _ batch: BackfillBatch,
        after cursor: BackfillCursor,
        _ connection: PostgresConnection
    ) async throws -> Outcome {
        do {
            let proof = store.proof(of: attempt.token, activity: activity(cursor), in: session)
            return try await connection.withTransaction(transactionOptions(batch), opening: proof) { connection, tags in
                try HistoryStore.check(tags)
                watch.processID = try await session.processID(connection)
                let clock = ContinuousClock.now
                let span = try await self.span(of: batch, connection)
                let changed = try await update(batch, span, cursor, connection)
                // How long the UPDATE took: the rest does not depend on the number of pages.
                let took = ContinuousClock.now - clock
                if session.role != nil { try await connection.execute(script: StepSession.end) }
                let next = cursor.after(batch, span, rows: changed)
                let pages = batch.table.key.isEmpty ? batch.table.range(span) : nil
                guard let request = try await store.save(next, of: step, after: pages, connection) else {
                    throw Rewritten()
                }
                return (.committed(batch, next, took: took, request), nil)
            }
        } catch is Rewritten {
            return .rewritten
        }
    }

    /// The step and how far it is, for those who wait.
    func activity(_ cursor: BackfillCursor) -> String {
        "\(step.label), \(cursor.endPage > 0 ? 100 * cursor.nextPage / cursor.endPage : 100) %"
    }

    private struct Rewritten: Error {}

    private func transactionOptions(_ batch: BackfillBatch) -> TransactionOptions {
        let wait = batch.manner == .atOnce ? Self.shortestWait : max(Self.shortestWait, options.lockTimeout)
        var transaction = TransactionOptions()
        transaction.settings = [
            "lock_timeout": "\(wait.wholeMilliseconds)", "jit": "off", "idle_in_transaction_session_timeout": "0",
            "statement_timeout": "\((step.step.options.statementTimeout ?? .zero).wholeMilliseconds)",
        ]
        // Nobody else would end a batch whose runner's machine is gone: its rows would stay locked.
        transaction.settings.merge(MigrationLock.keepAliveSettings) { $1 }
        // The cursor moves on with the last share: that waits for the disk, and so for what the others have changed.
        if !batch.share.isLast { transaction.settings["synchronous_commit"] = "off" }
        return transaction
    }

    /// How far the batch gets: pages are counted beforehand, keys are looked up.
    private func span(of batch: BackfillBatch, _ connection: PostgresConnection) async throws -> BackfillSpan {
        guard case .keys(let after, let end) = batch.span else { return batch.span }
        let sql = statement.lastKey(in: batch.span, of: batch.table, limit: batch.limit)
        let last = try await connection.query(store.once(PostgresQuery(unsafeSQL: sql))).zeroOrOne()
        return .keys(after: after, through: try last?.decode([String].self) ?? end)
    }

    private func update(
        _ batch: BackfillBatch,
        _ span: BackfillSpan,
        _ cursor: BackfillCursor,
        _ connection: PostgresConnection
    ) async throws -> Int64 {
        let sql = statement.batch(
            span,
            of: batch.table,
            share: batch.share,
            skippingLocked: batch.manner == .skippingLocked
        )
        do throws(PostgresError) {
            return Int64(try await connection.execute(script: sql).last?.rowCount ?? 0)
        } catch {
            guard error.code == .server, !error.mayBeRetriedByStep else { throw error }
            throw MigrationError(
                sqlFailure: error,
                in: step,
                position: error.server?.position.map {
                    statement.filePosition(ofServerPosition: $0, of: batch.table.partition)
                },
                consequence: "this batch was rolled back; \(cursor.rows) rows of earlier batches stay changed"
            )
        }
    }
}
