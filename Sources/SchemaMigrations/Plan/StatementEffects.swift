/// What a parsed statement is called and which tables it locks, by PostgreSQL's documentation of explicit locking.
struct StatementEffects {
    let kind: String
    var locks: [TableLock] = []
    var isKnown = true

    /// What cannot be told from the text.
    static func unknown(_ kind: String) -> StatementEffects { StatementEffects(kind: kind, isKnown: false) }

    init(kind: String, locks: [TableLock] = [], isKnown: Bool = true) {
        self.kind = kind
        self.locks = locks
        self.isKnown = isKnown
    }

    /// Looks at a statement.
    init(of statement: ParseNode) {
        guard let (type, body) = statement.typed else {
            self = .unknown("unknown statement")
            return
        }
        self =
            Self.ofTables(type, body) ?? Self.ofRows(type, body) ?? Self.ofMaintenance(type, body)
            ?? Self.withoutLock[type].map { StatementEffects(kind: $0) }
            ?? .unknown(Self.procedural[type] ?? Self.spaced(type))
    }

    // MARK: Statements without a table lock, or beyond our sight

    private static let withoutLock = [
        "CreateEnumStmt": "CREATE TYPE", "CompositeTypeStmt": "CREATE TYPE", "CreateRangeStmt": "CREATE TYPE",
        "AlterEnumStmt": "ALTER TYPE … ADD VALUE", "CreateDomainStmt": "CREATE DOMAIN",
        "CreateFunctionStmt": "CREATE FUNCTION", "CreateSchemaStmt": "CREATE SCHEMA",
        "CreateSeqStmt": "CREATE SEQUENCE",
        "CreateCastStmt": "CREATE CAST", "DefineStmt": "CREATE …", "GrantStmt": "GRANT", "GrantRoleStmt": "GRANT",
        "CreateRoleStmt": "CREATE ROLE", "VariableSetStmt": "SET", "VariableShowStmt": "SHOW", "NotifyStmt": "NOTIFY",
        "TransactionStmt": "transaction control", "AlterFunctionStmt": "ALTER FUNCTION",
        "CreatedbStmt": "CREATE DATABASE",
        "DropdbStmt": "DROP DATABASE", "AlterSystemStmt": "ALTER SYSTEM", "ConstraintsSetStmt": "SET CONSTRAINTS",
        "AlterDefaultPrivilegesStmt": "ALTER DEFAULT PRIVILEGES",
    ]

    private static let procedural = [
        "DoStmt": "DO", "CallStmt": "CALL", "ExecuteStmt": "EXECUTE", "CreateExtensionStmt": "CREATE EXTENSION",
    ]

    /// `AlterOpFamilyStmt` as `Alter Op Family`.
    private static func spaced(_ type: String) -> String {
        let stem = type.hasSuffix("Stmt") ? type.dropLast(4) : type[...]
        return stem.reduce(into: "") { words, letter in
            if letter.isUppercase && !words.isEmpty { words += " " }
            words.append(letter)
        }
    }

    // MARK: Rows

    private static func ofRows(_ type: String, _ body: ParseNode) -> StatementEffects? {
        let written = ["InsertStmt": "INSERT", "UpdateStmt": "UPDATE", "DeleteStmt": "DELETE", "MergeStmt": "MERGE"]
        if let kind = written[type] {
            return StatementEffects(kind: kind, locks: locks(body["relation"], .rowExclusive))
        }
        switch type {
        case "SelectStmt":
            let mode: LockMode = body["lockingClause"].exists ? .rowShare : .accessShare
            return StatementEffects(
                kind: "SELECT",
                locks: tables(readBy: body).map { TableLock(table: $0, mode: mode) }
            )
        case "CopyStmt":
            let mode: LockMode = body["is_from"].isTrue ? .rowExclusive : .accessShare
            return StatementEffects(kind: "COPY", locks: locks(body["relation"], mode))
        case "LockStmt":
            let modes = LockMode.allCases
            let level = (body["mode"].integer ?? 0) - 1
            let mode = modes.indices.contains(level) ? modes[level] : .accessExclusive
            return StatementEffects(kind: "LOCK TABLE", locks: locks(body["relations"], mode))
        default:
            return nil
        }
    }

    // MARK: Maintenance

    private static func ofMaintenance(_ type: String, _ body: ParseNode) -> StatementEffects? {
        switch type {
        case "TruncateStmt":
            return StatementEffects(kind: "TRUNCATE", locks: locks(body["relations"], .accessExclusive))
        case "VacuumStmt":
            let isFull = body["options"].elements.contains { $0.body(of: "DefElem")?["defname"].string == "full" }
            let kind = body["is_vacuumcmd"].isTrue ? (isFull ? "VACUUM FULL" : "VACUUM") : "ANALYZE"
            let relations = body["rels"].elements.compactMap { $0.body(of: "VacuumRelation")?["relation"] }
            let mode: LockMode = isFull ? .accessExclusive : .shareUpdateExclusive
            return StatementEffects(
                kind: kind,
                locks: relations.flatMap { locks($0, mode) },
                isKnown: !relations.isEmpty
            )
        case "ClusterStmt":
            let found = locks(body["relation"], .accessExclusive)
            return StatementEffects(kind: "CLUSTER", locks: found, isKnown: !found.isEmpty)
        case "RefreshMatViewStmt":
            let mode: LockMode = body["concurrent"].isTrue ? .exclusive : .accessExclusive
            return StatementEffects(kind: "REFRESH MATERIALIZED VIEW", locks: locks(body["relation"], mode))
        case "ReindexStmt":
            return reindex(body)
        default:
            return nil
        }
    }

    private static func reindex(_ body: ParseNode) -> StatementEffects {
        let isConcurrent = body["params"].elements.contains {
            $0.body(of: "DefElem")?["defname"].string == "concurrently"
        }
        let kind = isConcurrent ? "REINDEX CONCURRENTLY" : "REINDEX"
        guard body["kind"].string == "REINDEX_OBJECT_TABLE" else { return .unknown(kind) }
        return StatementEffects(
            kind: kind,
            locks: locks(body["relation"], isConcurrent ? .shareUpdateExclusive : .share)
        )
    }

    // MARK: Names

    /// A lock on a table, or one on each table of a list.
    static func locks(_ relation: ParseNode, _ mode: LockMode) -> [TableLock] {
        if let name = name(of: relation) { return [TableLock(table: name, mode: mode)] }
        return relation.elements.compactMap { $0.body(of: "RangeVar") }.flatMap { locks($0, mode) }
    }

    /// The name that a range variable holds.
    static func name(of relation: ParseNode) -> QualifiedName? {
        relation["relname"].string.map { QualifiedName(schema: relation["schemaname"].string, name: $0) }
    }

    /// The name that a list of strings spells, as `DROP` and `COMMENT` have it.
    static func name(spelledBy object: ParseNode, droppingLast count: Int = 0) -> QualifiedName? {
        let list = object.body(of: "List")?["items"].elements ?? []
        let parts = list.dropLast(count).compactMap { $0.body(of: "String")?["sval"].string }
        guard let name = parts.last else { return nil }
        return QualifiedName(schema: parts.count > 1 ? parts[parts.count - 2] : nil, name: name)
    }

    /// Every table that a query names, its own common table expressions left out, in alphabetical order.
    static func tables(readBy query: ParseNode) -> [QualifiedName] {
        var found: Set<QualifiedName> = []
        var expressions: Set<String> = []
        var rest = [query]
        while let node = rest.popLast() {
            if let name = node.body(of: "RangeVar").flatMap(name(of:)) { found.insert(name) }
            if let name = node.body(of: "CommonTableExpr")?["ctename"].string { expressions.insert(name) }
            rest += node.children
        }
        let tables = found.filter { $0.schema != nil || !expressions.contains($0.name) }
        return tables.sorted { $0.description < $1.description }
    }
}
