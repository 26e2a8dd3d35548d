import EphemeralPostgres
import Postgres
import TestSupport
import Testing

@testable import SchemaMigrations

/// What makes a backfill hold back.
@Suite struct ThrottleTests {
    private let base = """
        CREATE TABLE hold (why text);
        CREATE TABLE t (id int PRIMARY KEY, n int, pad text);
        INSERT INTO t SELECT g, NULL, repeat('x', 200) FROM generate_series(1, 2000) g;
        """
    private let fill = "-- migrate: backfill table=t\nUPDATE t SET n = 7 WHERE n IS NULL"

    private func migrator(
        on database: TestDatabase,
        _ more: String = "",
        while condition: String? = nil
    ) throws -> Migrator {
        let files = ["0001_base/up.sql": base + more, "0002_fill/up.sql": fill]
        return try SchemaMigrationsTests.migrator(files, on: database) {
            $0.batchPages = 10
            $0.throttleCondition = condition
        }
    }

    @Test func `a condition of the user's holds a backfill back, which says why and goes on afterwards`() async throws {
        try await withDatabase { database in
            let held = try migrator(on: database, while: "SELECT EXISTS (SELECT FROM hold)")
            _ = try await held.up(to: .version(version(1)))
            let log = EventLog()
            try await database.connect { connection in
                try await connection.execute(script: "INSERT INTO hold VALUES ('peak hours')")
                let run = Task { try await held.up { log.add($0) } }
                try await waitUntil { !log.throttles.isEmpty }
                let activity: PostgresQuery = "SELECT coalesce(activity LIKE '%held back%', false) FROM migrate_control"
                try await waitUntil { try await connection.value(activity) }
                #expect(try await connection.value("SELECT count(*) FROM t WHERE n IS NULL") > 0)
                try await connection.execute(script: "TRUNCATE hold")
                _ = try await run.value
                #expect(try await connection.value("SELECT count(*) FROM t WHERE n IS NULL") == 0)
            }
            #expect(log.throttles.first?.contains("condition") == true)
        }
    }

    @Test func `a backfill that is held back can be paused`() async throws {
        try await withDatabase { database in
            let held = try migrator(on: database, while: "SELECT true")
            let log = EventLog()
            let run = Task { try await failure(held) { log.add($0) } }
            try await waitUntil { !log.throttles.isEmpty }
            try await held.pause()
            #expect(try await run.value?.code == .paused)
        }
    }

    @Test(arguments: ["SELECT nonsense", "SELECT 42", "SELECT true WHERE false", "DELETE FROM hold RETURNING true"])
    func `a condition that cannot be asked is told`(condition: String) async throws {
        try await withDatabase { database in
            let error = try #require(try await failure(migrator(on: database, while: condition)))
            #expect(error.code == .cannotThrottle)
            #expect(error.exitCode == .usage)
        }
    }

    @Test func `sessions that wait for a batch make the next ones smaller, and are told`() async throws {
        try await withDatabase { database in
            let slow = """
                CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
                    'BEGIN PERFORM pg_sleep(2); RETURN NEW; END';
                CREATE TRIGGER slow BEFORE UPDATE OF n ON t FOR EACH ROW WHEN (OLD.id = 100) EXECUTE FUNCTION slow();
                """
            let migrator = try migrator(on: database, slow)
            _ = try await migrator.up(to: .version(version(1)))
            let log = EventLog()
            let run = Task { try await migrator.up { log.add($0) } }
            try await database.connect { writer in
                try await waitUntil {
                    try await writer.value(
                        """
                        SELECT EXISTS (SELECT FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event = 'PgSleep')
                        """
                    )
                }
                try await writer.execute(script: "UPDATE t SET pad = '' WHERE id = 99")
            }
            let result = try await run.value
            #expect(log.throttles.contains { $0.contains("waited") })
            #expect(try #require(result.othersBlockedMilliseconds) > 0)
        }
    }

    @Test func `a replica that does not follow holds a backfill back`() async throws {
        try await OwnServer.with(["wal_level": "logical"]) { server in
            try await server.server.createDatabase("replica", template: "template0")
            // Slow enough for the lag to grow.
            let slow = """
                CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
                    'BEGIN PERFORM pg_sleep(0.1); RETURN NEW; END';
                CREATE TRIGGER slow BEFORE UPDATE ON t FOR EACH ROW WHEN (OLD.id % 100 = 0) EXECUTE FUNCTION slow();
                """
            let files = ["0001_base/up.sql": base + slow, "0002_fill/up.sql": fill]
            let migrator = try server.migrator(files) {
                $0.batchPages = 1
                $0.maximumReplicaLag = .milliseconds(500)
            }
            _ = try await migrator.up(to: .version(version(1)))
            try await server.connection.execute(script: "CREATE PUBLICATION p FOR TABLE t")
            try await server.connection.execute(script: "SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
            let copy = try PostgresConfiguration(server.server.connectionString(database: "replica"))
            try await PostgresConnection.withConnection(to: copy) { replica in
                try await replica.execute(script: base)
                let source = "host=\(server.server.socketDirectory) port=\(server.server.port) dbname=postgres"
                let user = server.server.userName
                try await replica.execute(
                    script: """
                        CREATE SUBSCRIPTION s CONNECTION '\(source) user=\(user)' PUBLICATION p
                        WITH (create_slot = false, slot_name = 's', copy_data = false)
                        """
                )
                try await waitUntil {
                    try await server.connection.value("SELECT EXISTS (SELECT FROM pg_stat_replication)")
                }
                try await replica.execute(script: "BEGIN; LOCK TABLE t")
                let log = EventLog()
                let run = Task { try await migrator.up { log.add($0) } }
                try await waitUntil { !log.throttles.isEmpty }
                try await replica.execute(script: "COMMIT")
                _ = try await run.value
                #expect(log.throttles.first?.contains("replica lag") == true)
                try await replica.execute(script: "ALTER SUBSCRIPTION s DISABLE")
            }
            #expect(try await server.connection.value("SELECT count(*) FROM t WHERE n IS NULL") == 0)
        }
    }

    @Test func `a role that may not see replicas is told before anything is changed`() async throws {
        try await OwnServer.with([:]) { server in
            try await server.connection.execute(
                script: "CREATE ROLE deployer LOGIN; GRANT CREATE ON SCHEMA public TO deployer"
            )
            let files = ["0001_base/up.sql": base, "0002_fill/up.sql": fill]
            let migrator = try server.with(user: "deployer").migrator(files) { $0.maximumReplicaLag = .seconds(1) }
            let error = try #require(try await failure(migrator))
            #expect(error.code == .cannotThrottle)
            #expect(try await server.connection.value("SELECT count(*) FROM t WHERE n = 7") == 0)
        }
    }

    @Test func `lag is the age of the oldest write that a replica lacks`() {
        var lag = ReplicaLag()
        let start = ContinuousClock.now
        #expect(lag.take(written: 100, replayed: 100, at: start) == .zero)
        #expect(lag.take(written: 200, replayed: 100, at: start + .seconds(1)) == .zero)
        #expect(lag.take(written: 300, replayed: 100, at: start + .seconds(3)) == .seconds(2))
        #expect(lag.take(written: 300, replayed: 200, at: start + .seconds(4)) == .seconds(1))
        #expect(lag.take(written: 300, replayed: 300, at: start + .seconds(9)) == .zero)
        #expect(lag.take(written: 400, replayed: nil, at: start + .seconds(10)) == .zero)
    }
}

extension EventLog {
    var throttles: [String] {
        all.compactMap { if case .stepThrottled(_, let reason) = $0 { reason } else { nil } }
    }
}
