import Glibc
import Postgres

/// What is left over in the schema, replication, and the disk.
extension Examination {
    func invalidIndexes() async throws -> [Finding] {
        let rows = try await ask(
            """
            SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text
            FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
            WHERE NOT i.indisvalid AND c.relkind = 'i'
                AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = i.indexrelid)
            ORDER BY 1
            """
        )
        let findings = try rows.map { row in
            let (index, table) = try row.decode(String.self, String.self)
            let message = "index \(index) of \(table) is INVALID: writers keep it up, and nobody can read it"
            let hint =
                "a failed build left it: DROP INDEX CONCURRENTLY \(index), or REINDEX INDEX CONCURRENTLY \(index)"
            return Finding(.invalidIndexes, .warning, message, hint: hint)
        }
        return Self.or(.invalidIndexes, findings, ok: "every index is valid")
    }

    func unvalidatedConstraints() async throws -> [Finding] {
        let rows = try await ask(
            """
            SELECT quote_ident(conname), coalesce(nullif(conrelid, 0)::regclass::text, nullif(contypid, 0)::regtype::text)
            FROM pg_constraint WHERE NOT convalidated ORDER BY 2, 1
            """
        )
        let findings = try rows.map { row in
            let (name, owner) = try row.decode(String.self, String?.self)
            let place = owner ?? "an object that is gone"
            let hint = "where no pending step does it: ALTER TABLE \(place) VALIDATE CONSTRAINT \(name)"
            let message = "constraint \(name) of \(place) is NOT VALID: rows from before it may break it"
            return Finding(.unvalidatedConstraints, .note, message, hint: hint)
        }
        return Self.or(.unvalidatedConstraints, findings, ok: "every constraint is validated")
    }

    func replicas() async throws -> [Finding] {
        let row = try await ask(
            """
            SELECT count(*), count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')), count(sync_state),
                max(extract(epoch FROM replay_lag))::float8, current_setting('synchronous_standby_names') <> ''
            FROM pg_stat_replication
            """
        ).one()
        let (all, synchronous, visible, lag, isAwaited) = try row.decode(
            Int64.self,
            Int64.self,
            Int64.self,
            Double?.self,
            Bool.self
        )
        if isAwaited, synchronous == 0, visible == all {
            let hint = "bring the standby back, or take it out of synchronous_standby_names"
            return [Finding(.replicas, .problem, "commits wait for a standby, and none is connected", hint: hint)]
        }
        if visible < all {
            let hint = "grant pg_monitor to the role"
            return [Finding(.replicas, .unknown, "\(all) standbys, whose lag this role may not see", hint: hint)]
        }
        guard let lag, lag > 10 else {
            return [Finding(.replicas, .ok, all == 0 ? "no standby is connected" : "\(all) connected, none far behind")]
        }
        let hint = "backfills slow down for it: let it catch up first"
        return [Finding(.replicas, .warning, "the slowest standby is \(Int64(lag)) s behind", hint: hint)]
    }

    func replicationSlots() async throws -> [Finding] {
        let rows = try await ask(
            """
            SELECT slot_name::text, coalesce(wal_status, ''), pg_size_pretty(pg_wal_lsn_diff(
                CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn))
            FROM pg_replication_slots WHERE NOT active OR wal_status IN ('unreserved', 'lost') ORDER BY 1
            """
        )
        let findings = try rows.map { row in
            let (name, status, kept) = try row.decode(String.self, String.self, String?.self)
            let state = ["unreserved", "lost"].contains(status) ? "is \(status)" : "is not in use"
            let message = "slot \(name) \(state), and keeps \(kept ?? "nothing") of the write-ahead log"
            let hint =
                "what a run writes is added to it: let its reader catch up, or SELECT pg_drop_replication_slot("
                + PostgresQuery.quote(literal: name) + ")"
            return Finding(.replicationSlots, .warning, message, hint: hint)
        }
        return Self.or(.replicationSlots, findings, ok: "none lags behind")
    }

    func disk(of pending: [PlannedStep]) async throws -> [Finding] {
        let names = Self.tables(of: pending).filter { $0.value.kinds.contains(where: Self.writesMuch) }.map(\.key.sql)
        let free = try await freeSpace()
        let row = try await ask(
            """
            SELECT pg_size_pretty(pg_database_size(current_database())), pg_size_pretty(t.size), t.size, t.count,
                pg_size_pretty(\(free))
            FROM (
                SELECT coalesce(sum(pg_total_relation_size(to_regclass(n.name)))::int8, 0), count(to_regclass(n.name))
                FROM unnest(\(names)) AS n (name)
            ) AS t (size, count)
            """
        ).one()
        let (whole, touched, size, count, left) = try row.decode(
            String.self,
            String.self,
            Int64.self,
            Int64.self,
            String?.self
        )
        let space = left.map { "\($0) is free where its data directory is" } ?? "how much is free, SQL does not tell"
        let message = "the database takes \(whole); \(space)"
        let hint =
            "pending steps fill or rewrite tables of \(touched): keep as much free again, and for the write-ahead log"
        return [Finding(.disk, Self.severity(free: free, touched: size), message, hint: count > 0 ? hint : nil)]
    }

    /// A rewrite needs the tables' size once more, and the write-ahead log as much again.
    static func severity(free: Int64?, touched: Int64) -> Diagnosis.Severity {
        guard let free else { return .note }
        return free / 2 > touched ? .ok : .warning
    }

    /// How many bytes the file system has left that holds the data directory; nil where that cannot be known from here.
    ///
    /// Over a Unix socket the server is on this machine. Which directory it has, it tells only roles that may read all
    /// settings. Tablespaces elsewhere, and a write-ahead log elsewhere, are not looked at.
    private func freeSpace() async throws -> Int64? {
        let (path, isLocal) = try await ask(
            """
            SELECT (SELECT setting FROM pg_settings WHERE name = 'data_directory'), inet_server_addr() IS NULL
            """
        ).one().decode(String?.self, Bool.self)
        var info = statvfs()
        guard isLocal, let path, statvfs(path, &info) == 0 else { return nil }
        let (bytes, isTooLarge) = Int64(clamping: info.f_bavail)
            .multipliedReportingOverflow(by: Int64(clamping: info.f_frsize))
        return isTooLarge ? Int64.max : bytes
    }

    private static func writesMuch(_ kind: String) -> Bool {
        ["UPDATE", "INSERT", "CREATE INDEX", "CREATE UNIQUE INDEX", "REINDEX", "CLUSTER", "VACUUM FULL"].contains {
            kind.hasPrefix($0)
        } || kind.contains("TYPE")
    }
}
