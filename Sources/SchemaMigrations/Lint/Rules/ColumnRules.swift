/// Rules about columns of tables in use.
enum ColumnRules {
    static let all = [required, rewriting, changedType, insertRefused]

    static let required = LintRule(
        "required-column",
        "a column is added that every row must have and none does",
        safer: "add it without NOT NULL or with a DEFAULT, fill it, then SET NOT NULL by way of a validated CHECK"
    ) { subject in
        subject.onLiveTable { command, table in
            guard command.subtype == "AT_AddColumn", let column = command.column, column.isNotNull, !column.hasDefault
            else { return nil }
            let why = "fails where \(table) has rows, and every INSERT of the previous release fails from then on"
            return LintRemark(why: why, offset: column.offset)
        }
    }

    static let rewriting = LintRule(
        "add-column-rewrites",
        "adding the column rewrites the table under the strongest lock",
        safer: "add the column without a default, SET DEFAULT for new rows, and fill the old ones in a backfill step"
    ) { subject in
        subject.onLiveTable { command, table in
            guard command.subtype == "AT_AddColumn", let column = command.column,
                let cause = rewriteCause(column, subject.version)
            else { return nil }
            let why = "\(cause): \(table) is rewritten, and nobody can read or write it meanwhile"
            return LintRemark(why: why, offset: column.offset)
        }
    }

    /// Functions that are stable or immutable, so that one value serves all rows.
    private static let steady: Set<String> = [
        "now", "transaction_timestamp", "statement_timestamp", "current_setting", "current_schema",
        "jsonb_build_object",
        "jsonb_build_array", "lower", "upper", "coalesce", "format", "make_interval", "make_date", "to_timestamp",
    ]

    private static func rewriteCause(_ column: ColumnDefinition, _ version: Int) -> String? {
        if column.isSerial { return "\(column.type) numbers every row" }
        if column.has("CONSTR_IDENTITY") { return "an identity column numbers every row" }
        if column.has("CONSTR_GENERATED") { return "a stored generated column is computed for every row" }
        let value = column.constraints.first { $0.kind == "CONSTR_DEFAULT" && !$0.isNullDefault }
        guard let value else { return nil }
        if version < 11 { return "before PostgreSQL 11 any default is written into every row" }
        let names = TreeSearch.bodies(of: "FuncCall", in: value.body["raw_expr"]).compactMap {
            $0["funcname"].elements.last?.body(of: "String")?["sval"].string
        }
        let volatile = names.first { !steady.contains($0) }
        return volatile.map { "the default calls \($0)(), which may give each row another value" }
    }

    static let changedType = LintRule(
        "change-column-type",
        "the type of a column in use is changed",
        safer:
            "add a column of the new type, keep both filled by a trigger, backfill, switch over, drop the old one later"
    ) { subject in
        subject.onLiveTable { command, table in
            guard command.subtype == "AT_AlterColumnType", let new = command.column else { return nil }
            if let old = subject.schema[table].columns[command.name ?? ""], isFree(from: old, to: new) { return nil }
            return LintRemark(
                why:
                    "unless both types are stored alike, \(table) is rewritten with all its indexes while nobody can use it"
            )
        }
    }

    /// Whether PostgreSQL only changes the catalog.
    private static func isFree(from old: SchemaModel.Column, to new: ColumnDefinition) -> Bool {
        guard !new.isConverted else { return false }
        switch (old.type, new.type) {
        case ("varchar", "text"), ("text", "text"):
            return true
        case ("varchar", "varchar"), ("varbit", "varbit"):
            guard let limit = new.modifiers.first else { return true }
            return old.modifiers.first.map { $0 <= limit } ?? false
        case ("text", "varchar"):
            return new.modifiers.isEmpty
        case ("numeric", "numeric"):
            if new.modifiers.isEmpty { return true }
            guard let was = old.modifiers.first, let limit = new.modifiers.first else { return false }
            return was <= limit && old.modifiers.dropFirst().first ?? 0 == new.modifiers.dropFirst().first ?? 0
        case ("cidr", "inet"):
            return true
        default:
            return false
        }
    }

    static let insertRefused = LintRule(
        "previous-insert-refused",
        "an INSERT of the previous release would fail",
        safer: "give the column a DEFAULT, or complete its rows in a BEFORE INSERT trigger, before the rule; "
            + "or make it a contract migration"
    ) { subject in
        guard subject.phase == .expand else { return [] }
        return subject.onLiveTable { command, table in
            let known = subject.schema[table]
            switch command.subtype {
            case "AT_ColumnDefault" where !command.definition.exists:
                guard known.columns[command.name ?? ""]?.isNotNull == true else { return nil }
                return LintRemark(why: "the previous release leaves \(command.name ?? "") out, which must not be NULL")
            case "AT_SetNotNull":
                return uncovered(Set([command.name ?? ""]), of: known, subject).map {
                    LintRemark(why: "the previous release does not know \($0), and nothing fills it in")
                }
            case "AT_AddConstraint":
                guard let check = command.constraint, check.kind == "CONSTR_CHECK" else { return nil }
                return uncovered(check.columnsTestedForNull, of: known, subject).map {
                    let why =
                        "NOT VALID spares old rows only: the previous release does not know \($0), and nothing fills it in"
                    return LintRemark(why: why, offset: check.offset)
                }
            default:
                return nil
            }
        }
    }

    /// A column that this migration added and that an INSERT of the previous release leaves NULL.
    private static func uncovered(
        _ columns: Set<String>,
        of table: SchemaModel.Table,
        _ subject: LintSubject
    ) -> String? {
        guard !table.hasInsertTrigger else { return nil }
        return columns.sorted().first { name in
            guard let column = table.columns[name] else { return false }
            return column.addedIn == subject.migration && !column.hasDefault
        }
    }
}
