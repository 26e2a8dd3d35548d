/// Rules about constraints that are checked against the rows that exist.
enum ConstraintRules {
    static let all = [foreignKey, check, sameTransaction, setNotNull, domain, detach]

    static let foreignKey = LintRule(
        "foreign-key-validated",
        "a foreign key is checked against every row under a lock",
        safer: "ADD CONSTRAINT … FOREIGN KEY … NOT VALID, then VALIDATE CONSTRAINT in a later step"
    ) { subject in
        subject.onLiveTable { command, table in
            let added = command.constraint.map { [$0] } ?? command.column?.constraints ?? []
            guard ["AT_AddConstraint", "AT_AddColumn"].contains(command.subtype),
                let key = added.first(where: { $0.kind == "CONSTR_FOREIGN" && !$0.isNotValid })
            else { return nil }
            let other = StatementEffects.name(of: key.body["pktable"]).map { " and \($0)" } ?? ""
            return LintRemark(why: "writers of \(table)\(other) wait while every row is looked up", offset: key.offset)
        }
    }

    static let check = LintRule(
        "check-validated",
        "a CHECK is tested on every row under the strongest lock",
        safer: "ADD CONSTRAINT … CHECK (…) NOT VALID, then VALIDATE CONSTRAINT in a later step"
    ) { subject in
        subject.onLiveTable { command, table in
            let added = command.constraint.map { [$0] } ?? command.column?.constraints ?? []
            guard ["AT_AddConstraint", "AT_AddColumn"].contains(command.subtype),
                let found = added.first(where: { $0.kind == "CONSTR_CHECK" && !$0.isNotValid })
            else { return nil }
            return LintRemark(why: "nobody can read or write \(table) while its rows are tested", offset: found.offset)
        }
    }

    static let sameTransaction = LintRule(
        "validate-in-same-transaction",
        "a constraint is validated in the transaction that adds it",
        safer: "put VALIDATE CONSTRAINT into a step of its own"
    ) { subject in
        subject.onLiveTable { command, table in
            guard command.subtype == "AT_ValidateConstraint",
                subject.transaction.constraints.contains(command.name ?? "")
            else { return nil }
            return LintRemark(why: "the lock of ADD CONSTRAINT on \(table) is held while every row is read")
        }
    }

    static let setNotNull = LintRule(
        "set-not-null",
        "SET NOT NULL reads the whole table under the strongest lock",
        safer: "ADD CONSTRAINT … CHECK (column IS NOT NULL) NOT VALID, VALIDATE it in a later step, then SET NOT NULL"
    ) { subject in
        subject.onLiveTable { command, table in
            guard command.subtype == "AT_SetNotNull" else { return nil }
            let isProven = subject.schema[table].proofs.values.contains {
                $0.isValid && $0.columns.contains(command.name ?? "")
            }
            if isProven, subject.version >= 12 { return nil }
            let hint = isProven ? "; the valid CHECK helps from PostgreSQL 12 on" : ""
            return LintRemark(why: "nobody can read or write \(table) while it is searched for NULLs\(hint)")
        }
    }

    static let domain = LintRule(
        "domain-constraint",
        "a domain's constraint is tested in every table that uses it",
        safer:
            "ALTER DOMAIN … ADD CONSTRAINT … NOT VALID, then VALIDATE CONSTRAINT in a later step; or a CHECK on the table"
    ) { subject in
        switch subject.type {
        case "AlterDomainStmt":
            let constraint = subject.body["def"].body(of: "Constraint").map(ConstraintDefinition.init)
            guard let constraint, !constraint.isNotValid else { return [] }
            return [LintRemark(why: "every table with a column of the domain is read under a lock")]
        case "CreateDomainStmt":
            let constraints = subject.body["constraints"].elements.compactMap { $0.body(of: "Constraint") }
            guard constraints.contains(where: { $0["contype"].string == "CONSTR_CHECK" }) else { return [] }
            return [LintRemark(why: "to change it later, every table with a column of the domain is read under a lock")]
        default:
            return []
        }
    }

    static let detach = LintRule(
        "detach-partition-not-concurrent",
        "a partition is detached under the strongest lock",
        safer: "DETACH PARTITION … CONCURRENTLY (PostgreSQL 14 and later), in a step of its own without a transaction"
    ) { subject in
        subject.onLiveTable { command, table in
            guard command.subtype == "AT_DetachPartition", subject.version >= 14,
                command.definition.body(of: "PartitionCmd")?["concurrent"].isTrue == false
            else { return nil }
            return LintRemark(why: "nobody can read or write \(table), all partitions included, until it is done")
        }
    }
}
