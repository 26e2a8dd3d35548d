/// What the database remembers of every run: attempts by run, and backfills that are under way.
public struct MigrationLog: Sendable, Equatable {
    /// What one runner did while it held the lock.
    public struct Run: Sendable, Equatable {
        /// The run's fencing token: later runs have larger ones, and some numbers have no attempt.
        public let number: Int64
        /// Its attempts, in order; never empty.
        public let attempts: [MigrationAttempt]
    }

    /// How far a backfill is that was begun and is not done.
    public struct Backfill: Sendable, Equatable {
        /// The migration's version.
        public let version: MigrationVersion
        /// The step's place in its migration, counted from 1.
        public let stepOrdinal: Int
        /// How often the table has been walked, this time included.
        public let pass: Int
        /// Pages that are done in this pass; rows that were walked, where a key is walked.
        public let pagesDone: Int64
        /// Pages that the table had when the pass began; about how many rows, where a key is walked.
        public let pagesTotal: Int64
        /// Rows changed so far.
        public let rows: Int64
        /// Batches committed so far.
        public let batches: Int64
        /// The columns that are walked by; none where pages are.
        public internal(set) var key: [String] = []
    }

    /// The database's name.
    public let database: String
    /// When this was read, by the server's clock.
    public let readAt: MigrationTime
    /// The runs, the oldest first.
    public let runs: [Run]
    /// The backfills under way.
    public let backfills: [Backfill]
    /// How many applied steps no attempt on record has applied: a baseline's, or another tool's.
    public let stepsWithoutAttempt: Int

    /// Groups attempts, which are in the order of their runs.
    init(
        database: String,
        readAt: MigrationTime,
        attempts: [MigrationAttempt] = [],
        backfills: [Backfill] = [],
        history: MigrationHistory = MigrationHistory()
    ) {
        self.database = database
        self.readAt = readAt
        self.backfills = backfills
        runs = attempts.chunked().map { Run(number: $0.run, attempts: $0.attempts) }
        let tried = Set(attempts.filter { $0.outcome == .applied }.map { Place($0.version, $0.stepOrdinal) })
        stepsWithoutAttempt = history.records.count { record in
            record.outcome == .applied && !tried.contains(Place(record.version, record.stepOrdinal))
        }
    }

    private struct Place: Hashable {
        let version: MigrationVersion
        let ordinal: Int

        init(_ version: MigrationVersion, _ ordinal: Int) {
            self.version = version
            self.ordinal = ordinal
        }
    }
}

extension [MigrationAttempt] {
    fileprivate func chunked() -> [(run: Int64, attempts: [MigrationAttempt])] {
        var chunks: [(run: Int64, attempts: [MigrationAttempt])] = []
        for attempt in self {
            if chunks.last?.run == attempt.run {
                chunks[chunks.count - 1].attempts.append(attempt)
            } else {
                chunks.append((attempt.run, [attempt]))
            }
        }
        return chunks
    }
}
