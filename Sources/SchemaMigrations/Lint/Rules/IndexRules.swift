/// Rules about indexes, and constraints that build one.
enum IndexRules {
    static let all = [
        notConcurrent, dropNotConcurrent, reindexNotConcurrent, hidesInvalid, wide, constraintIndex, exclusion,
    ]

    static let notConcurrent = LintRule(
        "index-not-concurrent",
        "an index is built while writers wait",
        safer: "CREATE INDEX CONCURRENTLY, in a step of its own that begins with: -- migrate: no-transaction"
    ) { subject in
        guard subject.type == "IndexStmt", !subject.body["concurrent"].isTrue, let table = subject.liveTable else {
            return []
        }
        return [
            LintRemark(why: "CREATE INDEX keeps every writer of \(table) waiting until it is built", table: table)
        ]
    }

    static let dropNotConcurrent = LintRule(
        "drop-index-not-concurrent",
        "an index is dropped under the strongest lock",
        safer: "DROP INDEX CONCURRENTLY, in a step of its own that begins with: -- migrate: no-transaction"
    ) { subject in
        guard subject.type == "DropStmt", subject.body["removeType"].string == "OBJECT_INDEX",
            !subject.body["concurrent"].isTrue
        else { return [] }
        return [
            LintRemark(why: "DROP INDEX locks the index's table against readers and writers, and queues behind both")
        ]
    }

    static let reindexNotConcurrent = LintRule(
        "reindex-not-concurrent",
        "indexes are rebuilt while writers wait",
        safer: "REINDEX … CONCURRENTLY (PostgreSQL 12 and later), in a step of its own without a transaction"
    ) { subject in
        guard subject.type == "ReindexStmt", subject.version >= 12,
            !subject.statement.hasOption("concurrently", in: "params")
        else { return [] }
        if let table = subject.statement.table, !subject.isLive(table) { return [] }
        return [LintRemark(why: "REINDEX keeps writers waiting, and readers that would use the index")]
    }

    static let hidesInvalid = LintRule(
        "if-not-exists-hides-invalid-index",
        "IF NOT EXISTS takes an INVALID index for a finished one",
        safer: "leave IF NOT EXISTS out: the engine settles an interrupted build from the catalog"
    ) { subject in
        guard subject.type == "IndexStmt", subject.body["concurrent"].isTrue, subject.body["if_not_exists"].isTrue
        else {
            return []
        }
        let why =
            "a concurrent build that failed leaves an INVALID index of this name; IF NOT EXISTS skips it and succeeds"
        return [LintRemark(why: why, table: subject.statement.table)]
    }

    static let wide = LintRule(
        "wide-index",
        "an index over more than three columns",
        safer: "begin with the columns that narrow the result most, and INCLUDE what is only read"
    ) { subject in
        let count = subject.body["indexParams"].elements.count
        guard subject.type == "IndexStmt", !subject.body["unique"].isTrue, count > 3 else { return [] }
        let why = "of \(count) columns the last ones rarely narrow a search, and every write pays for them"
        return [LintRemark(why: why, table: subject.statement.table)]
    }

    static let constraintIndex = LintRule(
        "constraint-builds-index",
        "a UNIQUE or PRIMARY KEY constraint builds its index under the strongest lock",
        safer: "CREATE UNIQUE INDEX CONCURRENTLY first, then ADD CONSTRAINT … USING INDEX"
    ) { subject in
        subject.onLiveTable { command, table in
            let added = command.constraint.map { [$0] } ?? command.column?.constraints ?? []
            guard ["AT_AddConstraint", "AT_AddColumn"].contains(command.subtype),
                let found = added.first(where: {
                    ["CONSTR_UNIQUE", "CONSTR_PRIMARY"].contains($0.kind) && !$0.usesIndex
                })
            else { return nil }
            return LintRemark(
                why: "nobody can read or write \(table) until the index is built",
                offset: found.offset
            )
        }
    }

    static let exclusion = LintRule(
        "exclusion-constraint",
        "an EXCLUDE constraint is added to a table in use",
        safer: "there is no form without the lock: make it with the table, or take the downtime knowingly"
    ) { subject in
        subject.onLiveTable { command, table in
            guard let constraint = command.constraint, constraint.kind == "CONSTR_EXCLUSION" else { return nil }
            let why = "nobody can read or write \(table) while its index is built and every row is compared"
            return LintRemark(why: why, offset: constraint.offset)
        }
    }
}
