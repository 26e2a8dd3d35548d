/// A statement in its context: everything that a rule may look at.
struct LintSubject {
    let statement: LintStatement
    /// What is known of the schema before the statement.
    let schema: SchemaModel
    /// What happened before in the same transaction; empty in a step without one.
    let transaction: LintTransaction
    let kind: StepKind
    let phase: MigrationPhase
    /// The place of the migration in the source.
    let migration: Int
    /// The release of PostgreSQL, as 15.
    let version: Int
    /// What a database told about its tables, if one was asked.
    let database: LintDatabase?
    /// The first migration that is pending, when a database was asked: what is made from there on is empty.
    let firstPending: Int?
    /// The writes that come after this statement, by their tables.
    let laterWrites: ArraySlice<LintWrite>

    var type: String { statement.type }
    var body: ParseNode { statement.body }

    /// Whether a table may hold rows and be in use: it was not made by this migration and is not known to be empty.
    func isLive(_ table: QualifiedName) -> Bool {
        if let made = schema[table].createdIn, made >= firstPending ?? migration { return false }
        return database?.isEmpty(table) != true
    }

    /// The table of the statement, if it may be in use.
    var liveTable: QualifiedName? { statement.table.flatMap { isLive($0) ? $0 : nil } }

    /// The locks that the statement takes on tables in use and that keep their writers waiting.
    var newStrongLocks: [TableLock] {
        statement.effects.locks.filter { $0.mode.blocksWriters && isLive($0.table) }
    }

    /// Whether the statement writes an unknown number of rows in one go.
    var isTableWideWrite: Bool {
        guard kind.label != .backfill else { return false }
        switch type {
        case "UpdateStmt", "DeleteStmt", "MergeStmt": return true
        case "InsertStmt":
            let query = body["selectStmt"].body(of: "SelectStmt")
            return query.map { !$0["valuesLists"].exists && $0["fromClause"].exists } ?? false
        default: return false
        }
    }

    /// Remarks about commands of an ALTER TABLE on a table in use.
    func onLiveTable(_ why: (AlterCommand, QualifiedName) -> LintRemark?) -> [LintRemark] {
        guard let table = liveTable else { return [] }
        return statement.commands.compactMap { command in
            why(command, table).map { LintRemark(why: $0.why, offset: $0.offset, table: table) }
        }
    }
}

/// One UPDATE or backfill of the plan.
struct LintWrite {
    let table: QualifiedName
    let columns: Set<String>
    /// Its place in the order of all statements.
    let position: Int
}

/// What the statements of one transaction have done so far.
struct LintTransaction {
    /// The strongest lock on each table in use that blocks its writers.
    var locks: [QualifiedName: LockMode] = [:]
    /// The labels that were added to enums.
    var labels: Set<String> = []
    /// The constraints that were added.
    var constraints: Set<String> = []
}

/// What a database tells the linter.
public struct LintDatabase: Sendable {
    /// The server's major release.
    public let version: Int
    /// The tables that exist, each with its size in bytes, indexes included, and whether it holds nothing.
    public let tables: [QualifiedName: Size]

    /// How large a table is.
    public struct Size: Sendable, Hashable {
        /// The table with its indexes, in bytes.
        public let bytes: Int64
        /// Whether the table has no page at all.
        public let isEmpty: Bool

        /// Creates a value.
        public init(bytes: Int64, isEmpty: Bool) {
            self.bytes = bytes
            self.isEmpty = isEmpty
        }
    }

    /// Creates a value; names in `public` may stand with or without their schema.
    public init(version: Int, tables: [QualifiedName: Size]) {
        self.version = version
        self.tables = Dictionary(tables.map { (SchemaModel.key($0.key), $0.value) }) { first, _ in first }
    }

    func isEmpty(_ table: QualifiedName) -> Bool? { tables[SchemaModel.key(table)]?.isEmpty }
}
