public import Postgres

extension Migrator {
    /// Everything that the database remembers of its runs, in one consistent view; a reader or a standby can be asked.
    ///
    /// ```swift
    /// for run in try await migrator.log().runs { print(run.number, run.attempts.map(\.outcome)) }
    /// ```
    /// - Throws: ``MigrationError``. No bookkeeping is not an error: nobody has tried.
    public func log() async throws -> MigrationLog {
        try await onConnection { connection in
            let options = TransactionOptions(isolation: .repeatableRead, isReadOnly: true)
            return try await connection.withTransaction(options) { connection in
                let here = try await connection.query("SELECT current_database()::text, clock_timestamp()").one()
                let (name, now) = try here.decode(String.self, MigrationTime.self)
                return MigrationLog(
                    database: name,
                    readAt: now,
                    attempts: try await store.attempts(connection),
                    backfills: try await store.backfillsUnderWay(connection),
                    history: try await store.read(connection)
                )
            }
        }
    }
}

extension HistoryStore {
    fileprivate func backfillsUnderWay(_ connection: PostgresConnection) async throws -> [MigrationLog.Backfill] {
        guard try await exists(connection) else { return [] }
        let columns = MigrationLog.Backfill.columnNames.joined(separator: ", ")
        return try await connection.query(
            once("SELECT \(unsafeSQL: columns) FROM \(unsafeSQL: backfill) ORDER BY version, step")
        ).decode(MigrationLog.Backfill.self)
    }
}

extension MigrationLog.Backfill: PostgresRecord {
    /// The columns of the bookkeeping that make a backfill's state.
    public static let columnNames = ["version", "step", "pass", "next_page", "end_page", "rows", "batches", "key"]

    /// Reads one line.
    public init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        let number = try columns.next(as: Int64.self)
        guard let version = MigrationVersion(number) else {
            throw PostgresError(.decodingFailed, "a backfill has the version \(number); versions are not negative")
        }
        self.version = version
        stepOrdinal = Int(try columns.next(as: Int32.self))
        pass = Int(try columns.next(as: Int32.self))
        pagesDone = try columns.next()
        pagesTotal = try columns.next()
        rows = try columns.next()
        batches = try columns.next()
        key = try columns.next()
    }
}
