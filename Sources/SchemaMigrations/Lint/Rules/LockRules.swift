/// Rules about locks, rewrites and timeouts.
enum LockRules {
    static let all = [severalTables, explicitLock, rewrite, refresh, timeout, needsNoTransaction, transactionControl]

    static let severalTables = LintRule(
        "several-tables-locked",
        "one transaction locks several tables in use",
        safer: "one table for each step"
    ) { subject in
        guard subject.kind.label == .transaction else { return [] }
        let held = subject.transaction.locks.keys
        guard let new = subject.newStrongLocks.first(where: { !held.contains(SchemaModel.key($0.table)) }),
            let first = held.map(\.description).sorted().first
        else { return [] }
        let why =
            "\(first) stays locked while this waits for \(new.table): writers of both stall, and deadlocks become possible"
        return [LintRemark(why: why, table: new.table)]
    }

    static let explicitLock = LintRule(
        "lock-table",
        "LOCK TABLE keeps writers out",
        safer: "let each statement take the lock it needs, one table for each step"
    ) { subject in
        guard subject.type == "LockStmt", let lock = subject.newStrongLocks.first else { return [] }
        return [
            LintRemark(
                why: "\(lock.table) is locked in mode \(lock.mode.rawValue) to the end of the step",
                table: lock.table
            )
        ]
    }

    static let rewrite = LintRule(
        "rewrite-table",
        "a table in use is rewritten under the strongest lock",
        safer: "pg_repack or pg_squeeze outside of migrations; plain VACUUM where only space is to be reused"
    ) { subject in
        switch subject.type {
        case "VacuumStmt" where subject.statement.hasOption("full", in: "options"), "ClusterStmt":
            let tables = subject.statement.effects.locks.map(\.table)
            guard tables.isEmpty || tables.contains(where: subject.isLive) else { return [] }
            let words = subject.type == "ClusterStmt" ? "CLUSTER" : "VACUUM FULL"
            return [LintRemark(why: "\(words) copies every row while nobody can read or write", table: tables.first)]
        default:
            let rewriting = ["AT_SetTableSpace", "AT_SetLogged", "AT_SetUnLogged", "AT_SetAccessMethod"]
            return subject.onLiveTable { command, table in
                guard rewriting.contains(command.subtype) else { return nil }
                return LintRemark(why: "every row of \(table) is copied while nobody can read or write it")
            }
        }
    }

    static let refresh = LintRule(
        "refresh-not-concurrent",
        "a materialized view is refreshed while readers wait",
        safer: "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index"
    ) { subject in
        guard subject.type == "RefreshMatViewStmt", !subject.body["concurrent"].isTrue, let view = subject.liveTable
        else { return [] }
        return [LintRemark(why: "nobody can read \(view) until its query is done", table: view)]
    }

    static let timeout = LintRule(
        "timeout-disabled",
        "the engine's short lock timeout is switched off",
        safer: "remove it; a longer wait is asked for with -- migrate: lock-timeout=… at the top of the file"
    ) { subject in
        guard subject.type == "VariableSetStmt", let name = subject.body["name"].string?.lowercased(),
            ["lock_timeout", "statement_timeout"].contains(name)
        else { return [] }
        let value = subject.body["args"].elements.first?.body(of: "A_Const")
        let text = value?["sval"]["sval"].string
        let isZero = text.map { Int($0.prefix { $0.isNumber }) == 0 } ?? ((value?["ival"]["ival"].integer ?? 0) == 0)
        let isReset = subject.body["kind"].string != "VAR_SET_VALUE"
        guard isReset || isZero else { return [] }
        return [LintRemark(why: "a statement that waits for a lock makes everybody else wait behind it, without end")]
    }

    static let needsNoTransaction = LintRule(
        "refuses-transaction",
        "a statement that cannot run in a transaction stands in one",
        safer: "a step of its own that begins with: -- migrate: no-transaction"
    ) { subject in
        guard subject.kind.label == .transaction,
            case .refusesTransaction(let words) = TransactionRules.obstacle(in: subject.statement.tree)
        else { return [] }
        return [LintRemark(why: "\(words) fails in a transaction")]
    }

    static let transactionControl = LintRule(
        "transaction-control",
        "a migration begins or ends transactions itself",
        safer: "remove it; what must commit on its own goes into a step of its own"
    ) { subject in
        guard case .controlsTransactions(let words) = TransactionRules.obstacle(in: subject.statement.tree) else {
            return []
        }
        return [LintRemark(why: "\(words) breaks the transaction in which the engine runs the step and records it")]
    }
}
