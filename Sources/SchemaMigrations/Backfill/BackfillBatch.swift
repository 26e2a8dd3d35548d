import Postgres

/// Some pages of a backfill's table, changed in one transaction.
struct BackfillBatch: Sendable {
    /// What becomes of rows that others have locked.
    enum Manner: Sendable {
        /// The batch fails at once.
        case atOnce
        /// They are passed over; the pass comes back to the pages.
        case skippingLocked
        /// They are waited for, as long as a lock may be waited for.
        case comingBack
    }

    let range: PageRange
    /// The partition to write to; nil where the step's text names the table.
    let partition: QualifiedName?
    let manner: Manner

    /// The same pages in another manner.
    func inManner(_ manner: Manner) -> BackfillBatch {
        BackfillBatch(range: range, partition: partition, manner: manner)
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
        case committed(BackfillCursor, took: Duration, RunRequest)
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
            return try await connection.withTransaction(transactionOptions(batch.manner)) { connection in
                let proof = try await store.prove(attempt.token, activity: activity(cursor), in: session, connection)
                watch.processID = proof.processID
                let clock = ContinuousClock.now
                let changed = try await update(batch, cursor, connection)
                // How long the UPDATE took: the rest does not depend on the number of pages.
                let took = ContinuousClock.now - clock
                if session.role != nil { try await connection.execute(script: StepSession.end) }
                let next = cursor.after(batch, rows: changed)
                guard try await store.save(next, of: step, after: batch.range, connection) else { throw Rewritten() }
                return .committed(next, took: took, proof.request)
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

    private func transactionOptions(_ manner: BackfillBatch.Manner) -> TransactionOptions {
        let wait = manner == .atOnce ? Self.shortestWait : max(Self.shortestWait, options.lockTimeout)
        var transaction = TransactionOptions()
        transaction.settings = [
            "lock_timeout": "\(wait.wholeMilliseconds)", "jit": "off", "idle_in_transaction_session_timeout": "0",
        ]
        return transaction
    }

    private func update(
        _ batch: BackfillBatch,
        _ cursor: BackfillCursor,
        _ connection: PostgresConnection
    ) async throws -> Int64 {
        let pages = UInt32(clamping: batch.range.pages.lowerBound)..<UInt32(clamping: batch.range.pages.upperBound)
        let sql = statement.batch(
            pages: pages,
            of: batch.partition,
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
                    statement.filePosition(ofServerPosition: $0, of: batch.partition)
                },
                consequence: "this batch was rolled back; \(cursor.rows) rows of earlier batches stay changed"
            )
        }
    }
}
