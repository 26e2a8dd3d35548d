import Postgres
import SchemaMigrations
import Testing

/// An autovacuum worker in the way: it gives way, but only to who waits for it long enough.
@Suite struct AutovacuumTests {
    private let base = [
        "0001_base/up.sql": """
        CREATE TABLE t (id int) WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,
            autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
        INSERT INTO t SELECT generate_series(1, 100000);
        """
    ]
    private var alter: [String: String] { base.merging(["0002_alter/up.sql": "ALTER TABLE t ADD n int"]) { $1 } }

    @Test func `who may set deadlock_timeout ends it within one short try`() async throws {
        let settings = ["deadlock_timeout": "1h", "autovacuum": "on", "autovacuum_naptime": "1s"]
        try await OwnServer.with(settings) { server in
            _ = try await server.migrator(base).up()
            try await startAutovacuum(server.connection)
            let migrator = try server.migrator(alter) { $0.lockTimeout = .milliseconds(400) }
            #expect(try await migrator.up().completed.map(\.number) == [2])
            #expect(try await migrator.attempts().last?.tries == 1)
        }
    }

    @Test func `who may not waits longer than deadlock_timeout, once`() async throws {
        let settings = ["deadlock_timeout": "500ms", "autovacuum": "on", "autovacuum_naptime": "1s"]
        try await OwnServer.with(settings) { server in
            try await server.connection.execute(
                script: "CREATE ROLE deployer LOGIN; GRANT CREATE ON SCHEMA public TO deployer"
            )
            let deployer = try server.with(user: "deployer")
            _ = try await deployer.migrator(base).up()
            try await startAutovacuum(server.connection)
            let migrator = try deployer.migrator(alter) { $0.lockTimeout = .milliseconds(200) }
            #expect(try await migrator.up().completed.map(\.number) == [2])
            #expect(try await migrator.attempts().last?.tries == 1)
        }
    }

    /// Makes dead rows, and waits until a worker is at them.
    private func startAutovacuum(_ connection: PostgresConnection) async throws {
        try await connection.execute(script: "DELETE FROM t WHERE id % 2 = 0")
        try await waitUntil {
            try await connection.value(
                """
                SELECT EXISTS (SELECT FROM pg_stat_activity a JOIN pg_locks l USING (pid)
                WHERE a.backend_type = 'autovacuum worker' AND l.relation = 't'::regclass)
                """
            )
        }
    }
}
