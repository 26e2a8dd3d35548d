/// Rules about what the previous release still uses.
enum RemovalRules {
    static let all = [dropColumn, dropTable, dropDatabase, truncate, rename, dropNotNull, contract]

    static let dropColumn = LintRule(
        "drop-column",
        "a column is dropped while the previous release may use it",
        safer: "drop it in a later migration that begins with: -- migrate: phase=contract"
    ) { subject in
        guard subject.phase == .expand else { return [] }
        return subject.onLiveTable { command, table in
            guard command.subtype == "AT_DropColumn" else { return nil }
            return LintRemark(why: "statements of the previous release that name \(table).\(command.name ?? "") fail")
        }
    }

    static let dropTable = LintRule(
        "drop-table",
        "a table is dropped while the previous release may use it",
        safer: "drop it in a later migration that begins with: -- migrate: phase=contract"
    ) { subject in
        guard subject.phase == .expand, subject.type == "DropStmt", subject.body["removeType"].string == "OBJECT_TABLE"
        else { return [] }
        let tables = subject.body["objects"].elements.compactMap { StatementEffects.name(spelledBy: $0) }
        return tables.filter(subject.isLive).map {
            LintRemark(
                why: "every statement of the previous release that names \($0) fails, and its rows are gone",
                table: $0
            )
        }
    }

    static let dropDatabase = LintRule(
        "drop-database",
        "a database or schema is dropped",
        safer: "do it by hand, not in a migration"
    ) { subject in
        let isSchema = subject.type == "DropStmt" && subject.body["removeType"].string == "OBJECT_SCHEMA"
        guard subject.type == "DropdbStmt" || isSchema else { return [] }
        return [LintRemark(why: "everything in it is gone, and no transaction brings back what other tools kept there")]
    }

    static let truncate = LintRule(
        "truncate",
        "a table in use is emptied",
        safer: "delete in batches what is not needed; name each table instead of CASCADE"
    ) { subject in
        guard subject.type == "TruncateStmt" else { return [] }
        let tables = StatementEffects.locks(subject.body["relations"], .accessExclusive).map(\.table)
        let isCascade = subject.body["behavior"].string == "DROP_CASCADE"
        if isCascade { return [LintRemark(why: "CASCADE empties every table with a foreign key to it, named or not")] }
        return tables.filter(subject.isLive).prefix(1).map {
            LintRemark(why: "nobody can read or write \($0) meanwhile, and older snapshots see it empty", table: $0)
        }
    }

    static let rename = LintRule(
        "rename",
        "a table or column in use is renamed",
        safer:
            "add the new name beside the old (a column kept in step by a trigger, or a view), switch over, then drop the old"
    ) { subject in
        let kinds: Set = ["OBJECT_TABLE", "OBJECT_COLUMN", "OBJECT_VIEW", "OBJECT_MATVIEW"]
        guard subject.type == "RenameStmt", kinds.contains(subject.body["renameType"].string ?? ""),
            let table = subject.liveTable
        else { return [] }
        return [
            LintRemark(
                why: "the old release needs the old name, the new one the new: one of the two fails",
                table: table
            )
        ]
    }

    static let dropNotNull = LintRule(
        "drop-not-null",
        "a column may be NULL from now on, and the previous release does not expect it",
        safer: "make sure that every reader bears NULL, then do it in a contract migration"
    ) { subject in
        guard subject.phase == .expand else { return [] }
        return subject.onLiveTable { command, table in
            guard command.subtype == "AT_DropNotNull" else { return nil }
            return LintRemark(
                why: "readers of the previous release decode \(table).\(command.name ?? "") as never NULL"
            )
        }
    }

    static let contract = LintRule(
        "contract-in-expand",
        "something that the previous release may use is taken away in an expand migration",
        safer: "move it into a later migration that begins with: -- migrate: phase=contract"
    ) { subject in
        guard subject.phase == .expand else { return [] }
        switch subject.type {
        case "DropStmt":
            let words = [
                "OBJECT_VIEW": "view", "OBJECT_MATVIEW": "materialized view", "OBJECT_TYPE": "type",
                "OBJECT_FUNCTION": "function", "OBJECT_PROCEDURE": "procedure", "OBJECT_SEQUENCE": "sequence",
                "OBJECT_DOMAIN": "domain", "OBJECT_EXTENSION": "extension",
            ]
            return words[subject.body["removeType"].string ?? ""].map {
                [LintRemark(why: "statements of the previous release that use the \($0) fail")]
            } ?? []
        case "AlterEnumStmt" where subject.body["oldVal"].exists:
            return [LintRemark(why: "the previous release writes the label's old name, which no longer exists")]
        case "AlterObjectSchemaStmt":
            guard let table = subject.liveTable else { return [] }
            return [LintRemark(why: "the previous release looks for \(table) where it was", table: table)]
        case "GrantStmt" where !subject.body["is_grant"].isTrue:
            return [LintRemark(why: "the previous release may need the privilege that is revoked")]
        default:
            return []
        }
    }
}
