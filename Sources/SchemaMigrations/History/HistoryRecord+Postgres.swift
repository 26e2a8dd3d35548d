public import Postgres

extension HistoryRecord: PostgresRecord {
    /// The columns of the history that make a record.
    public static let columnNames = [
        "version", "migration_name", "phase", "step", "step_count", "step_name", "kind", "checksum_algorithm",
        "checksum", "outcome", "started_at", "finished_at", "duration_ms", "rows", "requires_release",
    ]

    /// Reads one line of the history.
    public init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        let number = try columns.next(as: Int64.self)
        guard let version = MigrationVersion(number) else {
            throw PostgresError(.decodingFailed, "the history holds the version \(number); versions are not negative")
        }
        self.init(
            version: version,
            migrationName: try columns.next(),
            phase: try columns.next(),
            stepOrdinal: Int(try columns.next(as: Int32.self)),
            stepCount: Int(try columns.next(as: Int32.self)),
            stepName: try columns.next(),
            kind: try columns.next(),
            checksum: Checksum(algorithm: try columns.next(), hex: try columns.next()),
            outcome: try columns.next(),
            startedAt: try columns.next(),
            finishedAt: try columns.next(),
            durationMS: try columns.next(),
            rows: try columns.next(),
            requiredRelease: try columns.next()
        )
    }
}

extension MigrationPhase: PostgresEnum {}
extension StepKind.Label: PostgresEnum {}
extension HistoryRecord.Outcome: PostgresEnum {}

extension MigrationTime: PostgresDecodable {
    /// True for `timestamptz`.
    public static func canDecode(_ type: PostgresType) -> Bool { PostgresTimestamp.canDecode(type) }

    /// Reads a moment; the infinities throw.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> MigrationTime {
        guard let microseconds = try PostgresTimestamp.decode(bytes, type: type).microsecondsSince1970 else {
            throw PostgresError(.decodingFailed, "an infinite time is no moment of a migration")
        }
        return MigrationTime(microseconds: microseconds)
    }
}
