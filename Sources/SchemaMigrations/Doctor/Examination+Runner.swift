import Postgres

/// Files and history, other runners, and what the role may do.
extension Examination {
    func migrations(_ plan: Result<MigrationPlan, MigrationError>) -> [Finding] {
        switch plan {
        case .failure(let error):
            var finding = Finding(.migrations, .problem, error.message, hint: error.hint)
            finding.exitCode = error.exitCode
            return [finding]
        case .success(let plan):
            var findings = plan.findings.map { difference in
                let severity: Diagnosis.Severity = difference.isBlocking ? .problem : .note
                var finding = Finding(.migrations, severity, difference.message, hint: difference.hint)
                finding.exitCode = difference.exitCode ?? .needsHuman
                return finding
            }
            findings += plan.pending.compactMap(Self.unfinished)
            findings += plan.pending.compactMap(Self.unreadable)
            let pending = plan.pending.count
            let message = "\(pending) step\(pending == 1 ? "" : "s") pending, contract migrations included"
            return findings.contains { $0.severity == .problem }
                ? findings : [Finding(.migrations, .ok, message)] + findings
        }
    }

    private static func unfinished(_ step: PlannedStep) -> Finding? {
        let what: String
        switch step.beginning {
        case .fresh: return nil
        case .settle: what = "was begun and may have happened; the next run finds out from the catalog"
        case .resumeBackfill: what = "was begun; the next run goes on behind its last batch"
        case .restartBackfill: what = "was begun with another text; the next run begins at the first page"
        }
        return Finding(.migrations, .note, "\(step.label) \(what)")
    }

    private static func unreadable(_ step: PlannedStep) -> Finding? {
        do throws(MigrationError) {
            _ = try step.step.inspect()
            return nil
        } catch {
            var finding = Finding(.migrations, .problem, "\(step.step.file.path): \(error.message)", hint: error.hint)
            finding.exitCode = error.exitCode
            return finding
        }
    }

    func runner() async throws -> [Finding] {
        let (holder, request) = try await inTransaction { connection in
            guard try await store.exists(connection) else { return (RunnerActivity?.none, RunRequest()) }
            return (try await store.presentRunner(connection), try await store.request(connection))
        }
        var findings: [Finding] = []
        if let holder {
            let process = holder.processID.map { ", server process \($0)" } ?? ""
            let activity = holder.activity.map { ", at \($0)" } ?? ""
            let message = "another runner holds the lock: \(holder.holder)\(process)\(activity)"
            findings.append(Finding(.runner, .warning, message, hint: "a run waits for it while it makes progress"))
        }
        if let since = request.pausedAt {
            let message = "runs are paused by \(request.pausedBy ?? "somebody") since \(since)"
            var finding = Finding(.runner, .problem, message, hint: "allow them again: migrate resume")
            finding.exitCode = .paused
            findings.append(finding)
        }
        return Self.or(.runner, findings, ok: "nobody else is migrating")
    }

    func privileges(of pending: [PlannedStep]) async throws -> [Finding] {
        Self.or(
            .privileges,
            try await bookkeepingPrivileges() + stepPrivileges(of: pending),
            ok: "the role may write the bookkeeping and change the pending steps' tables"
        )
    }

    /// What the role that steps run as lacks.
    func stepPrivileges(of pending: [PlannedStep]) async throws -> [Finding] {
        let role = migrator.options.role
        let rows = try await ask(tablePrivileges(Self.tables(of: pending)), as: role)
        return try rows.map { row in
            let (table, owner, lacks) = try row.decode(String.self, String.self, String.self)
            let message =
                lacks == "owner"
                ? "pending steps change \(table), which belongs to \(owner)"
                : "pending steps need \(lacks) on \(table), which this role has not"
            let hint =
                lacks == "owner"
                ? "run as \(owner) or a member of it" : "GRANT \(lacks) ON \(table) TO CURRENT_USER, as \(owner)"
            return Finding(.privileges, .warning, message, hint: hint)
        }
    }

    func bookkeepingPrivileges() async throws -> [Finding] {
        let schema = PostgresQuery.quote(identifier: store.schema)
        let row = try await ask(
            """
            SELECT to_regclass(\(store.control)) IS NOT NULL, to_regnamespace(\(schema)) IS NOT NULL,
                CASE WHEN to_regnamespace(\(schema)) IS NULL THEN has_database_privilege(current_database(), 'CREATE')
                ELSE has_schema_privilege(to_regnamespace(\(schema))::oid, 'CREATE') END
            """
        ).one()
        let (hasTables, hasSchema, mayCreate) = try row.decode(Bool.self, Bool.self, Bool.self)
        guard hasTables else {
            guard !mayCreate else { return [] }
            let what = hasSchema ? "create tables in schema \(store.schema)" : "create schema \(store.schema)"
            let hint = hasSchema ? "GRANT CREATE ON SCHEMA \(schema) TO …" : "GRANT CREATE ON DATABASE … TO …"
            return [
                Finding(.privileges, .problem, "the role may not \(what), where the history is to live", hint: hint)
            ]
        }
        return try await ask(
            """
            SELECT t.name, p.privilege
            FROM unnest(\([store.history, store.control, store.attempt, store.request, store.backfill]),
                \(["SELECT INSERT UPDATE DELETE", "SELECT UPDATE", "SELECT INSERT UPDATE", "SELECT",
                    "SELECT INSERT UPDATE DELETE"])) AS t (name, privileges),
                unnest(string_to_array(t.privileges, ' ')) AS p (privilege)
            WHERE NOT has_table_privilege(to_regclass(t.name)::oid, p.privilege)
            """
        ).map { row in
            let (table, privilege) = try row.decode(String.self, String.self)
            let hint = "GRANT \(privilege) ON \(table) TO …"
            return Finding(.privileges, .problem, "the role lacks \(privilege) on \(table)", hint: hint)
        }
    }

    private func tablePrivileges(_ tables: [QualifiedName: (mode: LockMode, kinds: Set<String>)]) -> PostgresQuery {
        var names: [String] = []
        var needs: [String] = []
        for (table, use) in tables {
            for need in Set(use.kinds.compactMap(Self.need)) {
                names.append(table.sql)
                needs.append(need)
            }
        }
        return """
            SELECT c.oid::regclass::text, pg_get_userbyid(c.relowner)::text, n.need
            FROM unnest(\(names), \(needs)) AS n (name, need) JOIN pg_class AS c ON c.oid = to_regclass(n.name)
            WHERE CASE n.need WHEN 'owner' THEN NOT pg_has_role(c.relowner, 'USAGE')
                ELSE NOT has_table_privilege(c.oid, n.need) END
            ORDER BY 1, 3
            """
    }

    /// What a kind of statement needs of its table; nil where it is not told by the kind.
    private static func need(_ kind: String) -> String? {
        let owners = [
            "ALTER TABLE", "CREATE INDEX", "CREATE UNIQUE INDEX", "DROP TABLE", "DROP INDEX", "REINDEX", "CLUSTER",
        ]
        if owners.contains(where: kind.hasPrefix) { return "owner" }
        return ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "SELECT"].first { kind == $0 }
    }
}
