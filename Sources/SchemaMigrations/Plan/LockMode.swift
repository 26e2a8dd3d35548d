/// PostgreSQL's table lock modes, from the weakest to the strongest.
public enum LockMode: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// Taken by reading.
    case accessShare = "ACCESS SHARE"
    /// Taken by `SELECT … FOR UPDATE` and its kin.
    case rowShare = "ROW SHARE"
    /// Taken by writing rows.
    case rowExclusive = "ROW EXCLUSIVE"
    /// Taken by `VALIDATE CONSTRAINT`, `CREATE INDEX CONCURRENTLY` and `VACUUM`.
    case shareUpdateExclusive = "SHARE UPDATE EXCLUSIVE"
    /// Taken by `CREATE INDEX`.
    case share = "SHARE"
    /// Taken by `CREATE TRIGGER` and by adding foreign keys.
    case shareRowExclusive = "SHARE ROW EXCLUSIVE"
    /// Taken by `REFRESH MATERIALIZED VIEW CONCURRENTLY`.
    case exclusive = "EXCLUSIVE"
    /// Taken by most forms of `ALTER TABLE`, by `DROP` and `TRUNCATE`.
    case accessExclusive = "ACCESS EXCLUSIVE"

    /// The number by which PostgreSQL itself orders the modes, 1 to 8.
    public var level: Int { (Self.allCases.firstIndex(of: self) ?? 0) + 1 }

    /// Whether rows cannot be written while somebody else holds this lock.
    public var blocksWriters: Bool { self >= .share }

    /// Whether rows cannot even be read while somebody else holds this lock.
    public var blocksReaders: Bool { self == .accessExclusive }

    /// Orders from weak to strong.
    public static func < (left: LockMode, right: LockMode) -> Bool { left.level < right.level }
}

/// A lock on one table.
public struct TableLock: Sendable, Hashable {
    /// The table, or the index or view that is locked like one.
    public let table: QualifiedName
    /// How it is locked.
    public let mode: LockMode

    /// Creates a value.
    public init(table: QualifiedName, mode: LockMode) {
        self.table = table
        self.mode = mode
    }
}

/// What one statement of a step does, as far as its text tells.
public struct StatementSummary: Sendable, Hashable {
    /// The kind in words, for example `ALTER TABLE … ADD COLUMN`.
    public let kind: String
    /// Where the statement begins.
    public let location: SourceLocation
    /// The statement's text without its semicolon.
    public let sql: String
    /// The locks on tables that exist already.
    ///
    /// Locks on rows and on objects that are no tables are left out, and
    /// tables that are only read, by statements that also write.
    public let locks: [TableLock]
    /// Whether ``locks`` is the whole truth.
    ///
    /// Where it is not (procedural code, statements of newer releases), the
    /// locks are unknown and must be called so.
    public let isLockKnown: Bool

    /// The strongest lock that is known of.
    public var strongestLock: LockMode? { locks.map(\.mode).max() }
}
