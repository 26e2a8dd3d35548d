import Postgres

/// The server, and what stands between.
extension Examination {
    func identity() async throws -> [Finding] {
        let row = try await ask("SELECT current_database()::text, current_user::text, session_user::text").one()
        let (database, role, login) = try row.decode(String.self, String.self, String.self)
        let who = role == login ? role : "\(role), logged in as \(login)"
        return [Finding(.connection, .ok, "connected to database \(database) as role \(who)")]
    }

    func serverVersion() async -> [Finding] {
        let number = await connection.serverVersion
        let version = "PostgreSQL \(number / 10_000).\(number % 10_000)"
        guard number >= 140_000 else {
            let hint = "backfills need the scans over row addresses that came with PostgreSQL 14: upgrade the server"
            return [Finding(.serverVersion, .problem, "\(version) is too old", hint: hint)]
        }
        guard let parser = Int(PostgresParser.majorVersion), parser < number / 10_000 else {
            return [Finding(.serverVersion, .ok, version)]
        }
        let hint = "statements that are newer are sent as they are; plan and lint cannot look into them"
        return [Finding(.serverVersion, .note, "\(version), newer than the parser's release \(parser)", hint: hint)]
    }

    func writable() async throws -> [Finding] {
        let row = try await ask(
            """
            SELECT pg_is_in_recovery(), current_setting('transaction_timeout', true),
                (SELECT setting FROM pg_settings WHERE name = 'default_transaction_read_only') = 'on'
            """
        ).one()
        let (isStandby, timeout, isReadOnly) = try row.decode(Bool.self, String?.self, Bool.self)
        var findings: [Finding] = []
        if isStandby {
            let hint =
                "connect to the primary, with target_session_attrs=read-write and all hosts in the URL for example"
            findings.append(Finding(.writable, .problem, "this is a standby, which only reads", hint: hint))
        } else if isReadOnly {
            let hint = "switch default_transaction_read_only off for this role and database"
            findings.append(Finding(.writable, .problem, "transactions are read-only by default here", hint: hint))
        }
        if let timeout, timeout != "0" {
            let hint = "switch it off for this role: ALTER ROLE … SET transaction_timeout = 0"
            let message =
                "transaction_timeout is \(timeout), after which the server ends the runner's lock and its steps"
            findings.append(Finding(.writable, .problem, message, hint: hint))
        }
        return Self.or(.writable, findings, ok: "the server takes writes")
    }

    func pooler() async throws -> [Finding] {
        let said = await connection.backendProcessID
        let real = try await ask("SELECT pg_backend_pid()").one().decode(Int32.self)
        guard said != real else { return [Finding(.pooler, .ok, "no pooler in between")] }
        let hint =
            "runs work through it, with a transaction that stays open while they last; a direct connection spares a "
            + "place in the pool"
        return [Finding(.pooler, .note, "a pooler stands in between", hint: hint)]
    }

    func freeConnections() async throws -> [Finding] {
        let row = try await ask(
            """
            SELECT current_setting('max_connections')::int4,
                current_setting('superuser_reserved_connections')::int4, count(*)::int4
            FROM pg_stat_activity WHERE backend_type = 'client backend'
            """
        ).one()
        let (limit, reserved, used) = try row.decode(Int32.self, Int32.self, Int32.self)
        let free = Int(limit) - Int(reserved) - Int(used)
        let message = "\(max(0, free)) of \(limit) sessions are free"
        guard free < Self.sessionsOfRun else { return [Finding(.connections, .ok, message)] }
        let hint = "a run needs up to \(Self.sessionsOfRun): end idle sessions, or raise max_connections"
        return [Finding(.connections, .warning, message, hint: hint)]
    }

    /// One works, one holds the lock, one looks who is in the way, and one to spare.
    private static let sessionsOfRun = 4

    func wraparound() async throws -> [Finding] {
        let age = try await ask("SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()").one()
            .decode(Int32.self)
        let message = "the oldest row that was not frozen is \(age) transactions old"
        guard age > 1_500_000_000 else { return [Finding(.wraparound, .ok, message)] }
        let hint =
            "vacuum before migrating: at about 2,100,000,000 the server takes no writes any more, and the vacuum that "
            + "prevents this gives way to nobody's lock"
        return [Finding(.wraparound, .warning, message, hint: hint)]
    }
}
