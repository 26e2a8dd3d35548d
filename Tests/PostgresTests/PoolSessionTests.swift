import TestSupport
import Testing

@testable import Postgres

/// What callers of a pool leave in its sessions, and what they learn from each other.
struct PoolSessionTests {
    private static let traces: PostgresQuery = """
        SELECT ARRAY[current_setting('work_mem'), current_setting('application_name'), current_user::text,
            current_setting('idle_in_transaction_session_timeout'), to_regclass('pg_temp.leftover')::text,
            (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())::text,
            (SELECT count(*) FROM pg_cursors WHERE is_holdable)::text,
            (SELECT count(*) FROM pg_listening_channels())::text]
        """

    private static func leaveTraces(_ connection: PostgresConnection) async throws {
        try await connection.execute(
            script: """
                SET work_mem = '5MB'; SET application_name = 'somebody'; SET idle_in_transaction_session_timeout = 0;
                SET ROLE pg_monitor; SELECT pg_advisory_lock(42); LISTEN news; CREATE TEMPORARY TABLE leftover ();
                DECLARE c CURSOR WITH HOLD FOR SELECT 1
                """
        )
    }

    @Test func `a reset lets go what the last caller left, and makes the configuration's settings anew`() async throws {
        try await withPool {
            $0.maximumConnections = 1
            $0.reset = .standard
        } _: { pool, _ in
            let processID = try await pool.backendProcessID
            let before = try await pool.query(Self.traces).one().decode(at: 0, as: [String?].self)
            #expect(before[3] == "5min" && before[4...] == [nil, "0", "0", "0"])
            for _ in 0..<3 { try await pool.query("SELECT \(1)") }
            try await pool.withConnection { try await Self.leaveTraces($0) }
            #expect(try await pool.query(Self.traces).one().decode(at: 0, as: [String?].self) == before)
            // The same session, with its prepared statements.
            #expect(try await pool.backendProcessID == processID)
            #expect(try await pool.withConnection { try await $0.preparedStatementCount } > 0)
        }
    }

    @Test func `without a reset what the last caller left is still there`() async throws {
        try await withPool {
            $0.maximumConnections = 1
        } _: { pool, _ in
            try await pool.withConnection { try await Self.leaveTraces($0) }
            let left = try await pool.query(Self.traces).one().decode(at: 0, as: [String?].self)
            #expect(left == ["5MB", "somebody", "pg_monitor", "0", "leftover", "1", "1", "1"])
        }
    }

    @Test func `a reset of the search path reaches prepared statements before a transaction fails by it`() async throws
    {
        try await withPool {
            $0.maximumConnections = 1
            $0.reset = .standard
        } _: { pool, _ in
            try await pool.withConnection { connection in
                try await connection.execute(
                    script: """
                        CREATE TABLE t (a int); INSERT INTO t VALUES (1);
                        CREATE SCHEMA other; CREATE TABLE other.t (b text); INSERT INTO other.t VALUES ('other');
                        """
                )
                try await connection.query("SET search_path TO other")
                for _ in 0..<3 { #expect(try await connection.value("SELECT * FROM t") == "other") }
            }
            let number: Int32 = try await pool.withTransaction { try await $0.value("SELECT * FROM t") }
            #expect(number == 1)
        }
    }

    @Test func `a reset of one's own is run for each caller, and closes the connection when it fails`() async throws {
        let calls = Shared(0)
        let recorder = LogRecorder()
        try await withPool(logger: recorder) {
            $0.maximumConnections = 1
            $0.reset = .custom { connection throws(PostgresError) in
                let count = calls.withLock { count in
                    count += 1
                    return count
                }
                if count == 2 { throw PostgresError(.unexpectedResult, "not this one") }
                try await connection.query("RESET work_mem")
            }
        } _: { pool, _ in
            let standard: String = try await pool.query("SHOW work_mem").one().decode(at: 0)
            let first = try await pool.backendProcessID
            #expect(calls.withLock { $0 } == 2)
            try await pool.query("SET work_mem = '5MB'")
            let second = try await pool.backendProcessID
            #expect(first != second)
            #expect(try await pool.query("SHOW work_mem").one().decode(at: 0) == standard)
            #expect(recorder.lines.contains { $0.hasPrefix("warning a connection could not be reset") })
        }
    }

    @Test func `connections can be replaced without interrupting anybody`() async throws {
        try await withPool {
            $0.maximumConnections = 3
        } _: { pool, database in
            try await database.connect { observer in
                let first = try await pool.fill(3)
                try await pool.withConnection { connection in
                    pool.expireConnections()
                    #expect(try await eventually { try await observer.otherSessions == 1 })
                    #expect(first.contains(await connection.backendProcessID))
                    #expect(try await connection.value("SELECT 1") == 1)
                    // At once again, however often it is asked for.
                    let other = try await pool.backendProcessID
                    pool.expireConnections()
                    #expect(try await pool.backendProcessID != other)
                }
                #expect(try await pool.fill(3).isDisjoint(with: first))
            }
        }
    }

    @Test func `a connection that is lent often and used rarely is not looked at each time`() async throws {
        try await withPool {
            $0.maximumConnections = 1
        } _: { pool, _ in
            let session = try await pool.withConnection { $0.session }
            try await Task.sleep(for: .milliseconds(1100))
            #expect(session.isIdle && !session.wasThereJustNow(.now()))
            try await pool.withConnection { _ in }
            #expect(session.wasThereJustNow(.now()))
        }
    }

    @Test func `idle connections are kept ready beside those in use`() async throws {
        try await withPool {
            $0.maximumConnections = 4
            $0.minimumIdleConnections = 2
        } _: { pool, database in
            try await database.connect { observer in
                try await pool.withConnection { _ in
                    #expect(try await eventually { try await observer.otherSessions == 3 })
                    try await pool.withConnection { _ in
                        let isFull = try await eventually { try await observer.otherSessions == 4 }
                        #expect(isFull)
                    }
                }
            }
        }
    }

    /// Pain 3, for a service of many connections: each of them would fail once.
    @Test func `a statement found stale by one connection is stale for all, before a transaction fails by it`()
        async throws
    {
        try await withPool {
            $0.maximumConnections = 2
        } _: { pool, database in
            try await pool.query("CREATE TABLE t (a int)")
            try await pool.withConnection { first in
                try await pool.withConnection { second in
                    for connection in [first, second] {
                        for _ in 0..<3 { try await connection.query("SELECT * FROM t") }
                    }
                    try await database.connect { other in _ = try await other.query("ALTER TABLE t ADD b int") }
                    // Outside a transaction it is prepared anew.
                    #expect(try await first.query("SELECT * FROM t").columns.count == 2)
                    let rows = try await second.withTransaction { try await $0.query("SELECT * FROM t") }
                    #expect(rows.columns.count == 2)
                }
            }
        }
    }

    /// Pain 6, the second line: no cancel request needs to get through.
    @Test func `the server's own limit of a statement's time is set when connecting`() async throws {
        try await withDatabase { database in
            try await database.connect({ $0.serverStatementTimeout = .milliseconds(1500) }) { connection in
                #expect(try await connection.value("SHOW statement_timeout") == "1500ms")
                let error = try await postgresError { try await connection.query("SELECT pg_sleep(600)") }
                #expect(error?.code == .server && error?.sqlState == .queryCanceled)
            }
            var configuration = try database.configuration
            #expect(configuration.sessionSettings["statement_timeout"] == nil)
            // Zero would switch the limit off, and more than 32 bits would be refused.
            for (timeout, text) in [(Duration.zero, "1"), (.seconds(1 << 40), "2147483647")] {
                configuration.serverStatementTimeout = timeout
                #expect(configuration.sessionSettings["statement_timeout"] == text)
            }
        }
    }
}
