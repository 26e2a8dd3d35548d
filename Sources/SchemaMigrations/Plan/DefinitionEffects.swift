/// The statements that define tables and what hangs on them.
extension StatementEffects {
    static func ofTables(_ type: String, _ body: ParseNode) -> StatementEffects? {
        switch type {
        case "AlterTableStmt": alterTable(body)
        case "CreateStmt": createTable(body)
        case "CreateTableAsStmt": createTableAs(body)
        case "ViewStmt": createView(body)
        case "IndexStmt": createIndex(body)
        case "DropStmt": drop(body)
        case "RenameStmt": rename(body)
        case "CommentStmt": comment(body)
        case "CreateTrigStmt":
            StatementEffects(
                kind: "CREATE TRIGGER",
                locks: locks(body["relation"], .shareRowExclusive) + locks(body["constrrel"], .shareRowExclusive)
            )
        case "CreatePolicyStmt": StatementEffects(kind: "CREATE POLICY", locks: locks(body["table"], .accessExclusive))
        case "AlterPolicyStmt": StatementEffects(kind: "ALTER POLICY", locks: locks(body["table"], .accessExclusive))
        case "RuleStmt": StatementEffects(kind: "CREATE RULE", locks: locks(body["relation"], .accessExclusive))
        case "CreateStatsStmt":
            StatementEffects(kind: "CREATE STATISTICS", locks: locks(body["relations"], .shareUpdateExclusive))
        case "AlterObjectSchemaStmt":
            StatementEffects(kind: "ALTER … SET SCHEMA", locks: locks(body["relation"], .accessExclusive))
        default: nil
        }
    }

    // MARK: ALTER TABLE

    private static func alterTable(_ body: ParseNode) -> StatementEffects {
        let commands = body["cmds"].elements.compactMap { $0.body(of: "AlterTableCmd") }
        let parts = commands.map(command)
        let mode = parts.map(\.mode).max() ?? .accessExclusive
        let title = "ALTER \(objectWords[body["objtype"].string ?? ""] ?? "TABLE")"
        return StatementEffects(
            kind: "\(title) … \(parts.map(\.words).joined(separator: ", "))",
            locks: locks(body["relation"], mode) + parts.flatMap(\.others)
        )
    }

    private struct Command {
        var words: String
        var mode: LockMode
        var others: [TableLock] = []
    }

    private static let weakerCommands: [String: Command] = [
        "AT_ValidateConstraint": Command(words: "VALIDATE CONSTRAINT", mode: .shareUpdateExclusive),
        "AT_SetStatistics": Command(words: "SET STATISTICS", mode: .shareUpdateExclusive),
        "AT_SetOptions": Command(words: "ALTER COLUMN … SET", mode: .shareUpdateExclusive),
        "AT_ResetOptions": Command(words: "ALTER COLUMN … RESET", mode: .shareUpdateExclusive),
        "AT_ClusterOn": Command(words: "CLUSTER ON", mode: .shareUpdateExclusive),
        "AT_DropCluster": Command(words: "SET WITHOUT CLUSTER", mode: .shareUpdateExclusive),
        "AT_EnableTrig": Command(words: "ENABLE TRIGGER", mode: .shareRowExclusive),
        "AT_EnableAlwaysTrig": Command(words: "ENABLE ALWAYS TRIGGER", mode: .shareRowExclusive),
        "AT_EnableReplicaTrig": Command(words: "ENABLE REPLICA TRIGGER", mode: .shareRowExclusive),
        "AT_DisableTrig": Command(words: "DISABLE TRIGGER", mode: .shareRowExclusive),
        "AT_EnableTrigAll": Command(words: "ENABLE TRIGGER ALL", mode: .shareRowExclusive),
        "AT_DisableTrigAll": Command(words: "DISABLE TRIGGER ALL", mode: .shareRowExclusive),
        "AT_EnableTrigUser": Command(words: "ENABLE TRIGGER USER", mode: .shareRowExclusive),
        "AT_DisableTrigUser": Command(words: "DISABLE TRIGGER USER", mode: .shareRowExclusive),
    ]

    private static let strongCommands = [
        "AT_DropColumn": "DROP COLUMN", "AT_ColumnDefault": "ALTER COLUMN … DEFAULT", "AT_DropNotNull": "DROP NOT NULL",
        "AT_SetNotNull": "SET NOT NULL", "AT_AlterColumnType": "ALTER COLUMN … TYPE",
        "AT_DropConstraint": "DROP CONSTRAINT", "AT_ChangeOwner": "OWNER TO", "AT_ReplicaIdentity": "REPLICA IDENTITY",
        "AT_EnableRowSecurity": "ENABLE ROW LEVEL SECURITY", "AT_DisableRowSecurity": "DISABLE ROW LEVEL SECURITY",
        "AT_SetStorage": "SET STORAGE", "AT_SetTableSpace": "SET TABLESPACE", "AT_AlterConstraint": "ALTER CONSTRAINT",
    ]

    private static func command(_ body: ParseNode) -> Command {
        let subtype = body["subtype"].string ?? ""
        if let known = weakerCommands[subtype] { return known }
        if let words = strongCommands[subtype] { return Command(words: words, mode: .accessExclusive) }
        switch subtype {
        case "AT_AddColumn":
            let constraints = body["def"].body(of: "ColumnDef")?["constraints"] ?? ParseNode(nil)
            return Command(words: "ADD COLUMN", mode: .accessExclusive, others: referenced(constraints))
        case "AT_AddConstraint":
            return addConstraint(body["def"].body(of: "Constraint") ?? ParseNode(nil))
        case "AT_AttachPartition":
            let child = body["def"].body(of: "PartitionCmd")?["name"] ?? ParseNode(nil)
            let others = locks(child, .accessExclusive)
            return Command(words: "ATTACH PARTITION", mode: .shareUpdateExclusive, others: others)
        case "AT_DetachPartition":
            let partition = body["def"].body(of: "PartitionCmd") ?? ParseNode(nil)
            let isConcurrent = partition["concurrent"].isTrue
            return Command(
                words: isConcurrent ? "DETACH PARTITION CONCURRENTLY" : "DETACH PARTITION",
                mode: isConcurrent ? .shareUpdateExclusive : .accessExclusive,
                others: locks(partition["name"], .accessExclusive)
            )
        case "AT_SetRelOptions", "AT_ResetRelOptions":
            return storageParameters(body, isReset: subtype == "AT_ResetRelOptions")
        default:
            return Command(words: String(subtype.dropFirst(3)), mode: .accessExclusive)
        }
    }

    private static func addConstraint(_ constraint: ParseNode) -> Command {
        let isUnchecked = constraint["skip_validation"].isTrue
        let suffix = isUnchecked ? " NOT VALID" : ""
        switch constraint["contype"].string {
        case "CONSTR_CHECK":
            return Command(words: "ADD CHECK\(suffix)", mode: .accessExclusive)
        case "CONSTR_FOREIGN":
            let others = locks(constraint["pktable"], .shareRowExclusive)
            return Command(words: "ADD FOREIGN KEY\(suffix)", mode: .shareRowExclusive, others: others)
        case "CONSTR_PRIMARY":
            return Command(words: "ADD PRIMARY KEY", mode: .accessExclusive)
        case "CONSTR_UNIQUE":
            return Command(words: "ADD UNIQUE", mode: .accessExclusive)
        default:
            return Command(words: "ADD CONSTRAINT", mode: .accessExclusive)
        }
    }

    /// Parameters of storage and autovacuum take the weaker lock, the few others the strongest.
    private static func storageParameters(_ body: ParseNode, isReset: Bool) -> Command {
        let names = body["def"].body(of: "List")?["items"].elements.compactMap {
            $0.body(of: "DefElem")?["defname"].string
        }
        let isWeak = (names ?? []).allSatisfy { name in
            name.hasPrefix("autovacuum_") || name.hasPrefix("vacuum_")
                || ["fillfactor", "toast_tuple_target", "parallel_workers", "log_autovacuum_min_duration"].contains(
                    name
                )
        }
        return Command(
            words: isReset ? "RESET (…)" : "SET (…)",
            mode: isWeak ? .shareUpdateExclusive : .accessExclusive
        )
    }

    // MARK: CREATE

    private static func createTable(_ body: ParseNode) -> StatementEffects {
        let parentMode: LockMode = body["partbound"].exists ? .accessExclusive : .shareUpdateExclusive
        let parents = locks(body["inhRelations"], parentMode)
        let columns = body["tableElts"].elements.compactMap { $0.body(of: "ColumnDef")?["constraints"] }
        let own = name(of: body["relation"])
        let others = (columns.flatMap(referenced) + referenced(body["tableElts"])).filter { $0.table != own }
        return StatementEffects(kind: "CREATE TABLE", locks: parents + others)
    }

    /// The tables that the foreign keys of a list of constraints refer to; a trigger is put on each.
    private static func referenced(_ constraints: ParseNode) -> [TableLock] {
        constraints.elements.compactMap { $0.body(of: "Constraint") }.flatMap {
            locks($0["pktable"], .shareRowExclusive)
        }
    }

    private static func createTableAs(_ body: ParseNode) -> StatementEffects {
        let isView = body["objtype"].string == "OBJECT_MATVIEW"
        return StatementEffects(
            kind: isView ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS",
            locks: tables(readBy: body["query"]).map { TableLock(table: $0, mode: .accessShare) }
        )
    }

    private static func createView(_ body: ParseNode) -> StatementEffects {
        let isReplacing = body["replace"].isTrue
        let replaced = isReplacing ? locks(body["view"], .accessExclusive) : []
        let read = tables(readBy: body["query"]).map { TableLock(table: $0, mode: .accessShare) }
        return StatementEffects(kind: isReplacing ? "CREATE OR REPLACE VIEW" : "CREATE VIEW", locks: replaced + read)
    }

    private static func createIndex(_ body: ParseNode) -> StatementEffects {
        let isConcurrent = body["concurrent"].isTrue
        let words = body["unique"].isTrue ? "CREATE UNIQUE INDEX" : "CREATE INDEX"
        return StatementEffects(
            kind: isConcurrent ? "\(words) CONCURRENTLY" : words,
            locks: locks(body["relation"], isConcurrent ? .shareUpdateExclusive : .share)
        )
    }

    // MARK: DROP, RENAME, COMMENT

    private static let objectWords = [
        "OBJECT_TABLE": "TABLE", "OBJECT_INDEX": "INDEX", "OBJECT_VIEW": "VIEW", "OBJECT_MATVIEW": "MATERIALIZED VIEW",
        "OBJECT_SEQUENCE": "SEQUENCE", "OBJECT_TYPE": "TYPE", "OBJECT_FUNCTION": "FUNCTION", "OBJECT_SCHEMA": "SCHEMA",
        "OBJECT_TRIGGER": "TRIGGER", "OBJECT_POLICY": "POLICY", "OBJECT_RULE": "RULE", "OBJECT_EXTENSION": "EXTENSION",
        "OBJECT_DOMAIN": "DOMAIN", "OBJECT_PROCEDURE": "PROCEDURE", "OBJECT_COLUMN": "COLUMN",
        "OBJECT_TABCONSTRAINT": "CONSTRAINT", "OBJECT_FOREIGN_TABLE": "FOREIGN TABLE",
    ]

    private static func drop(_ body: ParseNode) -> StatementEffects {
        let type = body["removeType"].string ?? ""
        let isConcurrent = body["concurrent"].isTrue
        let kind = "DROP \(objectWords[type] ?? "…")\(isConcurrent ? " CONCURRENTLY" : "")"
        let objects = body["objects"].elements
        let isCascade = body["behavior"].string == "DROP_CASCADE"
        let named: [QualifiedName]
        switch type {
        case "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE":
            named = objects.compactMap { name(spelledBy: $0) }
        case "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE":
            named = objects.compactMap { name(spelledBy: $0, droppingLast: 1) }
        case "OBJECT_INDEX":
            // The index's table is locked too, and only the catalog knows which that is.
            let mode: LockMode = isConcurrent ? .shareUpdateExclusive : .accessExclusive
            let locks = objects.compactMap { name(spelledBy: $0) }.map { TableLock(table: $0, mode: mode) }
            return StatementEffects(kind: kind, locks: locks, isKnown: false)
        default:
            return StatementEffects(kind: kind, isKnown: !isCascade)
        }
        let locks = named.map { TableLock(table: $0, mode: .accessExclusive) }
        return StatementEffects(kind: kind, locks: locks, isKnown: !isCascade)
    }

    private static func rename(_ body: ParseNode) -> StatementEffects {
        let type = body["renameType"].string ?? ""
        let mode: LockMode = type == "OBJECT_INDEX" ? .shareUpdateExclusive : .accessExclusive
        let what = objectWords[type] ?? "…"
        return StatementEffects(kind: "ALTER … RENAME \(what)", locks: locks(body["relation"], mode))
    }

    private static func comment(_ body: ParseNode) -> StatementEffects {
        let named: QualifiedName? =
            switch body["objtype"].string {
            case "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX", "OBJECT_SEQUENCE":
                name(spelledBy: body["object"])
            case "OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE":
                name(spelledBy: body["object"], droppingLast: 1)
            default:
                nil
            }
        let locks = [named].compactMap { $0 }.map { TableLock(table: $0, mode: .shareUpdateExclusive) }
        return StatementEffects(kind: "COMMENT ON", locks: locks)
    }
}
