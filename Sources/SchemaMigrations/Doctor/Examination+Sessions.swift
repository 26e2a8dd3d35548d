import Postgres

/// Others who use the database.
extension Examination {
    /// Services that are registered by a ``SchemaGate``.
    func services(_ plan: Result<MigrationPlan, MigrationError>) async throws -> [Finding] {
        let all = try await inTransaction { try await ServiceRegistry(schema: store.schema).services($0) }
        let inTheWay = (try? plan.get())?.inTheWay(among: all) ?? []
        let findings = inTheWay.map { service in
            Finding(
                .services,
                .warning,
                "\(service) could not live with a pending migration, which will be refused",
                hint: "replace it by a newer release before \"migrate up --phase all\""
            )
        }
        return Self.or(.services, findings, ok: "\(all.count) registered, none in the way of a pending migration")
    }

    func locks(of pending: [PlannedStep]) async throws -> [Finding] {
        let tables = Self.tables(of: pending).sorted { $0.key.description < $1.key.description }
        let rows = try await ask(
            """
            SELECT n.mode, c.oid::regclass::text, l.mode, \(unsafeSQL: Self.session)
            FROM unnest(\(tables.map(\.key.sql)), \(tables.map(\.value.mode.rawValue))) AS n (name, mode)
            JOIN pg_class AS c ON c.oid = to_regclass(n.name) JOIN pg_locks AS l ON l.relation = c.oid
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            JOIN pg_stat_activity AS a ON a.pid = l.pid
            WHERE l.granted AND a.pid <> pg_backend_pid() AND a.xact_start < clock_timestamp() - interval '1 second'
            ORDER BY a.xact_start, l.mode
            """
        )
        let findings = try rows.compactMap { row -> Finding? in
            let (wanted, table, held, pid, who, age) = try row.decode(
                String.self,
                String.self,
                String.self,
                Int32.self,
                String.self,
                Double.self
            )
            guard let wanted = LockMode(rawValue: wanted), let held = LockMode(inCatalog: held),
                wanted.conflicts.contains(held)
            else { return nil }
            let message =
                "\(who) holds \(held.rawValue) on \(table) for \(Self.age(age)), in the way of a pending step's "
                + wanted.rawValue
            let hint = "wait for it, or end it: SELECT pg_terminate_backend(\(pid))"
            return Finding(.locks, .warning, message, hint: hint)
        }
        return Self.or(.locks, Self.first(findings, .locks), ok: "nobody holds locks that pending steps wait for")
    }

    func longTransactions() async throws -> [Finding] {
        let rows = try await ask(
            """
            SELECT \(unsafeSQL: Self.session), a.state FROM pg_stat_activity AS a
            WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
                AND a.xact_start < clock_timestamp() - \(longAfter.wholeMilliseconds) * interval '1 millisecond'
                AND NOT EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND l.locktype = 'advisory'
                    AND l.classid = \(MigrationLock.catalogNamespace)::int8::oid AND l.objsubid = 2)
            ORDER BY a.xact_start
            """
        )
        let findings = try rows.map { row in
            let (pid, who, age, state) = try row.decode(Int32.self, String.self, Double.self, String?.self)
            let idle = state?.hasPrefix("idle in transaction") ?? false ? ", idle" : ""
            let message = "\(who) has been in a transaction for \(Self.age(age))\(idle)"
            let hint =
                "building an index concurrently waits for it, and dead rows stay: end it, SELECT "
                + "pg_terminate_backend(\(pid))"
            return Finding(.transactions, .warning, message, hint: hint)
        }
        let hidden = try await ask(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = '<insufficient privilege>'"
        ).one().decode(Int64.self)
        let note = Finding(
            .transactions,
            .unknown,
            "\(hidden) sessions of other roles show nothing to this one",
            hint: "grant pg_read_all_stats to the role"
        )
        let limit = Self.age(longAfter / .seconds(1))
        return Self.or(.transactions, Self.first(findings, .transactions), ok: "none has been open for \(limit)")
            + (hidden > 0 ? [note] : [])
    }

    func preparedTransactions() async throws -> [Finding] {
        let rows = try await ask(
            """
            SELECT gid, owner::text, extract(epoch FROM clock_timestamp() - prepared)::float8
            FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared
            """
        )
        let findings = try rows.map { row in
            let (gid, owner, age) = try row.decode(String.self, String.self, Double.self)
            let quoted = PostgresQuery.quote(literal: gid)
            let message = "\(owner) prepared transaction \(quoted) \(Self.age(age)) ago, and it still holds its locks"
            let hint = "end it: COMMIT PREPARED \(quoted) or ROLLBACK PREPARED \(quoted)"
            return Finding(.preparedTransactions, .warning, message, hint: hint)
        }
        return Self.or(.preparedTransactions, Self.first(findings, .preparedTransactions), ok: "none is open")
    }

    /// Process, name for people, and age in seconds of the transaction of a session `a`.
    private static let session = """
        a.pid, format('process %s (%s)', a.pid, coalesce(nullif(concat_ws(', ', nullif(a.application_name, ''),
            'role ' || a.usename), ''), a.backend_type)), extract(epoch FROM clock_timestamp() - a.xact_start)::float8
        """

    /// The first five, and how many more there are.
    private static func first(_ findings: [Finding], _ check: Diagnosis.Check) -> [Finding] {
        let rest = findings.count - 5
        return rest > 0 ? findings.prefix(5) + [Finding(check, .warning, "and \(rest) more like these")] : findings
    }

    /// `4 s`, `3 min`, `2 h`.
    private static func age(_ seconds: Double) -> String {
        switch max(0, seconds) {
        case ..<120: "\(Int64(max(0, seconds).rounded())) s"
        case ..<7200: "\(Int64((seconds / 60).rounded())) min"
        default: "\(Int64((min(seconds, 1e12) / 3600).rounded())) h"
        }
    }
}

extension LockMode {
    /// Reads the spelling of `pg_locks`: `AccessShareLock`.
    init?(inCatalog name: String) {
        guard let known = LockMode.allCases.first(where: { $0.catalogName == name }) else { return nil }
        self = known
    }
}
