/// Which statements cannot stand in a step, and why.
enum TransactionRules {
    enum Obstacle: Equatable {
        /// The statement begins or ends transactions, which is the engine's business.
        case controlsTransactions(String)
        /// The server refuses the statement inside a transaction.
        case refusesTransaction(String)
        /// The statement wants data that only psql could feed it.
        case needsClientData(String)
    }

    /// What keeps a statement from running in a step's transaction; `nil` if nothing is known to.
    static func obstacle(in statement: ParseNode) -> Obstacle? {
        guard let (type, body) = statement.typed else { return nil }
        switch type {
        case "TransactionStmt":
            return transactionWords[body["kind"].string ?? ""].map(Obstacle.controlsTransactions)
        case "CopyStmt":
            let usesClient = !body["filename"].exists && !body["is_program"].isTrue
            guard usesClient else { return nil }
            return .needsClientData(body["is_from"].isTrue ? "COPY … FROM STDIN" : "COPY … TO STDOUT")
        default:
            return refusal(type, body).map(Obstacle.refusesTransaction)
        }
    }

    /// Savepoints are missing: they work inside a transaction.
    private static let transactionWords = [
        "TRANS_STMT_BEGIN": "BEGIN", "TRANS_STMT_START": "START TRANSACTION", "TRANS_STMT_COMMIT": "COMMIT",
        "TRANS_STMT_ROLLBACK": "ROLLBACK", "TRANS_STMT_PREPARE": "PREPARE TRANSACTION",
        "TRANS_STMT_COMMIT_PREPARED": "COMMIT PREPARED", "TRANS_STMT_ROLLBACK_PREPARED": "ROLLBACK PREPARED",
    ]

    private static let alwaysRefused = [
        "CreatedbStmt": "CREATE DATABASE", "DropdbStmt": "DROP DATABASE", "CreateTableSpaceStmt": "CREATE TABLESPACE",
        "DropTableSpaceStmt": "DROP TABLESPACE", "AlterSystemStmt": "ALTER SYSTEM",
    ]

    private static func refusal(_ type: String, _ body: ParseNode) -> String? {
        if let name = alwaysRefused[type] { return name }
        switch type {
        case "IndexStmt" where body["concurrent"].isTrue:
            return "CREATE INDEX CONCURRENTLY"
        case "DropStmt" where body["concurrent"].isTrue:
            return "DROP INDEX CONCURRENTLY"
        case "VacuumStmt" where body["is_vacuumcmd"].isTrue:
            return "VACUUM"
        case "ClusterStmt" where !body["relation"].exists:
            return "CLUSTER without a table"
        case "DiscardStmt" where body["target"].string == "DISCARD_ALL":
            return "DISCARD ALL"
        case "ReindexStmt":
            return reindex(body)
        case "AlterTableStmt":
            let partitions = body["cmds"].elements.compactMap {
                $0.body(of: "AlterTableCmd")?["def"].body(of: "PartitionCmd")
            }
            return partitions.contains { $0["concurrent"].isTrue } ? "DETACH PARTITION CONCURRENTLY" : nil
        case "AlterDatabaseStmt" where isOn("tablespace", in: body["options"]):
            return "ALTER DATABASE … SET TABLESPACE"
        case "CreateSubscriptionStmt"
        where !isOff("create_slot", in: body["options"]) && !isOff("connect", in: body["options"]):
            return "CREATE SUBSCRIPTION that creates a slot"
        default:
            return nil
        }
    }

    private static func reindex(_ body: ParseNode) -> String? {
        if isOn("concurrently", in: body["params"]) { return "REINDEX CONCURRENTLY" }
        switch body["kind"].string {
        case "REINDEX_OBJECT_SCHEMA": return "REINDEX SCHEMA"
        case "REINDEX_OBJECT_DATABASE": return "REINDEX DATABASE"
        case "REINDEX_OBJECT_SYSTEM": return "REINDEX SYSTEM"
        default: return nil
        }
    }

    private static func option(_ name: String, in list: ParseNode) -> ParseNode? {
        list.elements.compactMap { $0.body(of: "DefElem") }.first { $0["defname"].string == name }
    }

    private static func isOn(_ name: String, in list: ParseNode) -> Bool {
        option(name, in: list) != nil && !isOff(name, in: list)
    }

    private static func isOff(_ name: String, in list: ParseNode) -> Bool {
        guard let value = option(name, in: list)?["arg"], value.exists else { return false }
        if let word = value.body(of: "String")?["sval"].string {
            return ["false", "off", "no"].contains(word.lowercased())
        }
        if let flag = value.body(of: "Boolean") { return !flag["boolval"].isTrue }
        if let number = value.body(of: "Integer") { return (number["ival"].integer ?? 0) == 0 }
        return false
    }
}
