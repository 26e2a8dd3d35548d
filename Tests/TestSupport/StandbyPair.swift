public import EphemeralPostgres
import Glibc
public import Postgres

/// A primary, and a standby that is promoted by hand.
public struct StandbyPair: Sendable {
    /// The first primary.
    public let primary: EphemeralServer
    /// Follows it.
    public let standby: EphemeralServer

    /// Lends a pair; `isSynchronous` tells whether a commit waits for the standby.
    ///
    /// - Throws: what `body` throws, or why there is no pair.
    public static func with<R>(isSynchronous: Bool, _ body: (StandbyPair) async throws -> R) async throws -> R {
        var options = EphemeralServer.Options()
        options.settings = ["synchronous_commit": "on"]
        return try await EphemeralServer.withServer(options) { primary in
            try await EphemeralServer.withServer(options) { standby in
                try await standby.follow(primary)
                let pair = StandbyPair(primary: primary, standby: standby)
                try await pair.connect(isSynchronous: isSynchronous)
                return try await body(pair)
            }
        }
    }

    /// Whichever of the two is the primary.
    ///
    /// - Throws: `PostgresError` for a name that cannot be one.
    public func configuration(database: String, options: String = "") throws -> PostgresConfiguration {
        let hosts = "host=\(primary.socketDirectory),\(standby.socketDirectory) user=postgres"
        return try PostgresConfiguration(
            "\(hosts) dbname=\(database) target_session_attrs=read-write options='\(options)'"
        )
    }

    /// Kills the primary and promotes the standby; returns when it takes writes.
    ///
    /// - Throws: `PostgresError`, or when the primary is not running.
    public func failOver() async throws {
        guard let postmaster = primary.processID else { throw ProgramFailure(description: "the primary does not run") }
        try ServerProcesses.killAll(of: postmaster)
        try await PostgresConnection.withConnection(to: configuration(of: standby)) { connection in
            let isPromoted: Bool = try await connection.query("SELECT pg_promote()").one().decode(at: 0)
            guard isPromoted else { throw ProgramFailure(description: "pg_promote: not within its minute") }
        }
    }

    /// Waits until the standby has written everything that the primary has.
    ///
    /// - Throws: `PostgresError`.
    public func waitUntilCaughtUp() async throws {
        try await PostgresConnection.withConnection(to: configuration(of: primary)) { connection in
            let written: String = try await connection.query("SELECT pg_current_wal_insert_lsn()::text").one().decode(
                at: 0
            )
            try await wait(connection, until: "SELECT flush_lsn >= \(written)::pg_lsn FROM pg_stat_replication")
        }
    }

    /// The standby learns of nothing from now on, although it stays connected.
    ///
    /// - Throws: `PostgresError`.
    public func freezeReplication() async throws {
        try await PostgresConnection.withConnection(to: configuration(of: primary)) { connection in
            let sender: Int32 = try await connection.query("SELECT pid FROM pg_stat_replication").one().decode(at: 0)
            kill(sender, SIGSTOP)
        }
    }

    /// Waits until the standby has caught up.
    private func connect(isSynchronous: Bool) async throws {
        try await PostgresConnection.withConnection(to: configuration(of: primary)) { connection in
            if isSynchronous {
                try await connection.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
                try await connection.query("SELECT pg_reload_conf()")
            }
            let state = isSynchronous ? "sync" : "async"
            let isConnected: PostgresQuery = """
                SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = \(state))
                """
            try await wait(connection, until: isConnected)
        }
    }

    private func wait(_ connection: PostgresConnection, until condition: PostgresQuery) async throws {
        while !(try await connection.query(condition).one().decode(at: 0, as: Bool.self)) {
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func configuration(of server: EphemeralServer) throws -> PostgresConfiguration {
        try PostgresConfiguration(server.connectionString(database: "postgres"))
    }
}
