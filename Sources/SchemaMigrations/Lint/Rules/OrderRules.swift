/// Rules about the order of statements, and what shares a transaction.
enum OrderRules {
    static let all = [checkBeforeBackfill, backfillWithDDL, unbatched, labelUsed]

    static let checkBeforeBackfill = LintRule(
        "check-before-backfill",
        "a CHECK is added before the rows that break it are filled in",
        safer: "backfill first, then ADD CONSTRAINT … NOT VALID, then VALIDATE CONSTRAINT"
    ) { subject in
        subject.onLiveTable { command, table in
            let columns: Set<String>
            switch command.subtype {
            case "AT_AddConstraint":
                guard let check = command.constraint, check.kind == "CONSTR_CHECK" else { return nil }
                columns = check.columns
            case "AT_SetNotNull":
                columns = [command.name ?? ""]
            default:
                return nil
            }
            let key = SchemaModel.key(table)
            let filled = subject.laterWrites.first {
                SchemaModel.key($0.table) == key && !$0.columns.isDisjoint(with: columns)
            }
            guard let filled, let column = filled.columns.intersection(columns).sorted().first else { return nil }
            let why =
                "\(column) is only filled in later: until then, NOT VALID or not, any UPDATE of an old row of \(table) fails"
            return LintRemark(why: why, offset: command.constraint?.offset ?? 0)
        }
    }

    static let backfillWithDDL = LintRule(
        "backfill-in-ddl-transaction",
        "rows are written in a transaction that holds a strong lock",
        safer: "a step of its own that begins with: -- migrate: backfill table=NAME"
    ) { subject in
        guard subject.isTableWideWrite, let table = subject.liveTable,
            let locked = subject.transaction.locks.keys.map(\.description).sorted().first
        else { return [] }
        return [LintRemark(why: "\(locked) stays locked until every row of \(table) is written", table: table)]
    }

    static let unbatched = LintRule(
        "unbatched-write",
        "many rows are written in one transaction",
        safer: "a step of its own that begins with: -- migrate: backfill table=NAME, which works in small batches"
    ) { subject in
        guard subject.isTableWideWrite, subject.transaction.locks.isEmpty, let table = subject.liveTable else {
            return []
        }
        let why = "the rows of \(table) stay locked to the end of one long transaction, which also holds vacuum back"
        return [LintRemark(why: why, table: table)]
    }

    static let labelUsed = LintRule(
        "enum-label-used-in-same-transaction",
        "an enum's label is used in the transaction that adds it",
        safer: "ALTER TYPE … ADD VALUE in a step of its own, before"
    ) { subject in
        if subject.type == "AlterEnumStmt" {
            let isOld = subject.version < 12 && subject.kind.label == .transaction && !subject.body["oldVal"].exists
            return isOld ? [LintRemark(why: "before PostgreSQL 12, ADD VALUE cannot run in a transaction")] : []
        }
        guard !subject.transaction.labels.isEmpty else { return [] }
        let constants = TreeSearch.bodies(of: "A_Const", in: subject.body)
        let used = constants.first { $0["sval"]["sval"].string.map(subject.transaction.labels.contains) ?? false }
        guard let used, let label = used["sval"]["sval"].string else { return [] }
        let why = "'\(label)' was added above and cannot be used before that is committed (SQLSTATE 55P04)"
        return [LintRemark(why: why, offset: used["location"].integer ?? 0)]
    }
}

/// Rules that ``Linter`` applies to files as wholes.
enum FileRules {
    static let all = [unreadable, invalidSilence, unusedSilence]

    static let unreadable = LintRule(
        "unreadable",
        "something that PostgreSQL's parser cannot read, so nothing is said about it",
        safer: "mend the syntax; where a newer release is needed, silence it and look at it by hand"
    )

    static let invalidSilence = LintRule(
        "invalid-silence",
        "a silence without effect: its rule does not exist, or it has no reason",
        safer: "-- migrate: allow RULE why it is right here"
    )

    static let unusedSilence = LintRule(
        "unused-silence",
        "a silence for something that is not there",
        safer: "remove the line"
    )
}
