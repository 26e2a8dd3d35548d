import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Roles, privileges and settings of the session that steps run in.
@Suite struct SessionTests {
    @Test func `steps run as the role that was asked for, the bookkeeping as the one that has logged in`() async throws
    {
        try await OwnServer.with([:]) { server in
            try await server.connection.execute(
                script: """
                    CREATE ROLE owner; CREATE ROLE deployer LOGIN IN ROLE owner;
                    GRANT CREATE ON SCHEMA public TO deployer; CREATE SCHEMA app AUTHORIZATION owner
                    """
            )
            let files = [
                "0001_a/01_table.sql": "CREATE TABLE app.t (id int PRIMARY KEY, n int); INSERT INTO app.t VALUES (1)",
                "0001_a/02_index.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY t_n ON app.t (n)",
                "0001_a/03_fill.sql": "-- migrate: backfill table=app.t\nUPDATE app.t SET n = 1 WHERE n IS NULL",
                "0001_a/04_more.sql": "ALTER TABLE app.t ADD m int",
            ]
            let migrator = try server.with(user: "deployer").migrator(files) { $0.role = "owner" }
            #expect(try await migrator.up().steps.count == 4)
            let owners: [String] = try await server.connection.query(
                """
                SELECT pg_get_userbyid(relowner)::text FROM pg_class
                WHERE relname IN ('t', 't_n', 'migrate_history') ORDER BY relname
                """
            ).map { try $0.decode(at: 0) }
            #expect(owners == ["deployer", "owner", "owner"])
        }
    }

    @Test func `a way back runs as the role that was asked for, with the run's search path`() async throws {
        try await OwnServer.with([:]) { server in
            try await server.connection.execute(
                script: """
                    CREATE ROLE owner; CREATE ROLE deployer LOGIN NOINHERIT IN ROLE owner;
                    GRANT CREATE ON SCHEMA public TO deployer; CREATE SCHEMA app AUTHORIZATION owner;
                    GRANT USAGE ON SCHEMA app TO deployer; ALTER ROLE deployer SET search_path = app, public
                    """
            )
            let files = [
                "0001_a/up.sql": "CREATE TABLE t (id int PRIMARY KEY)",
                "0001_a/down.sql": "DROP TABLE t",
            ]
            let deployer = try server.with(user: "deployer")
            let beginning = try #require(MigrationVersion(0))
            _ = try await deployer.migrator(files) { $0.role = "owner" }.up()
            #expect(try await server.connection.hasTable("app.t"))
            for (role, says) in [(nil, "must be owner"), ("nobody", "there is no role nobody")] {
                let error = await #expect(throws: MigrationError.self) {
                    try await deployer.migrator(files) { $0.role = role }.down(to: beginning)
                }
                #expect(error?.message.contains(says) == true)
            }
            #expect(try await server.connection.hasTable("app.t"))
            let plan = try await deployer.migrator(files) { $0.role = "owner" }.down(to: beginning)
            #expect(plan.migrations.count == 1)
            #expect(try await !server.connection.hasTable("app.t"))
        }
    }

    @Test func `a role that is not there, or not to be had, is told before anything is changed`() async throws {
        try await OwnServer.with([:]) { server in
            try await server.connection.execute(
                script: """
                    CREATE ROLE owner; CREATE ROLE deployer LOGIN; GRANT CREATE ON SCHEMA public TO deployer
                    """
            )
            let files = ["0001_a/up.sql": "CREATE TABLE t (id int)"]
            let deployer = try server.with(user: "deployer")
            for (role, says) in [("owner", "may not become the role owner"), ("nobody", "there is no role nobody")] {
                let error = try #require(try await failure(deployer.migrator(files) { $0.role = role }))
                #expect(error.code == .missingPrivileges)
                #expect(error.exitCode == .needsHuman)
                #expect(error.message.contains(says))
            }
            #expect(try await !server.connection.hasTable("migrate_control"))
        }
    }

    @Test func `every privilege that is lacking is listed before anything is changed`() async throws {
        try await OwnServer.with([:]) { server in
            try await server.connection.execute(
                script: """
                    CREATE TABLE mine (id int); CREATE TABLE yours (id int); CREATE TABLE read (id int);
                    CREATE ROLE deployer LOGIN; GRANT CREATE ON SCHEMA public TO deployer
                    """
            )
            let files = [
                "0001_a/01_new.sql": "CREATE TABLE new (id int)",
                "0001_a/02_alter.sql": "ALTER TABLE mine ADD n int",
                "0001_a/03_insert.sql": "INSERT INTO yours VALUES (1)",
            ]
            let migrator = try server.with(user: "deployer").migrator(files)
            let error = try #require(try await failure(migrator))
            #expect(error.code == .missingPrivileges)
            #expect(([error] + error.related).count == 2)
            #expect(error.description.contains("mine, which belongs to"))
            #expect(error.description.contains("INSERT on yours"))
            #expect(try await !server.connection.hasTable("new"))
            #expect(try await !server.connection.hasTable("migrate_control"))
        }
    }

    @Test func `where something is created, the role must be allowed to, and is told before`() async throws {
        try await OwnServer.with([:]) { server in
            try await server.connection.execute(
                script: """
                    CREATE SCHEMA "Other"; CREATE ROLE deployer LOGIN; GRANT CREATE ON SCHEMA public TO deployer;
                    GRANT USAGE ON SCHEMA "Other" TO deployer
                    """
            )
            let files = [
                "0001_a/01_fine.sql": "CREATE TABLE a (id int); CREATE TEMP TABLE b (id int)",
                "0001_a/02_other.sql": "CREATE OR REPLACE VIEW \"Other\".v AS SELECT 1",
                "0001_a/03_schema.sql": "CREATE SCHEMA mine; CREATE TABLE mine.t (id int)",
            ]
            let error = try #require(try await failure(server.with(user: "deployer").migrator(files)))
            #expect(error.code == .missingPrivileges)
            #expect(
                ([error] + error.related).map(\.hint) == [
                    "GRANT CREATE ON DATABASE postgres TO …", "GRANT CREATE ON SCHEMA \"Other\" TO …",
                ]
            )
            #expect(try await !server.connection.hasTable("a"))
            try await server.connection.execute(
                script: """
                    GRANT CREATE ON DATABASE postgres TO deployer; GRANT CREATE ON SCHEMA "Other" TO deployer
                    """
            )
            #expect(try await server.with(user: "deployer").migrator(files).up().steps.count == 3)
        }
    }

    @Test func `a short statement_timeout of the role ends no step and no backfill`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(
                    script: """
                        CREATE FUNCTION slow(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
                            'BEGIN PERFORM pg_sleep(0.08); RETURN n; END';
                        CREATE TABLE t (id int, n int); INSERT INTO t SELECT generate_series(1, 20);
                        ALTER DATABASE "\(database.name)" SET statement_timeout = '1s'
                        """
                )
                let files = [
                    "0001_a/01_a.sql": "SELECT pg_sleep(1.5)",
                    "0001_a/02_b.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i ON t (slow(id))",
                    "0001_a/03_c.sql":
                        "-- migrate: backfill table=t\nUPDATE t SET n = 1 WHERE n IS NULL OR slow(id) IS NULL",
                ]
                let migrator = try migrator(files, on: database)
                let result = try await migrator.up()
                let rows = try await migrator.history().records.map(\.rows)
                #expect(result.steps.count == 3 && rows == [nil, nil, 20])
            }
        }
    }

    @Test func `the server ends a step whose runner is gone, and does not hold its locks`() async throws {
        try await withDatabase { database in
            try await CuttingProxy.with(database) { proxy, string in
                let files = ["0001_a/up.sql": "CREATE TABLE t (id int); SELECT pg_sleep(600)"]
                let source = try MigrationSource(files: files)
                let migrator = Migrator(source: source, database: try PostgresConfiguration(string))
                let run = Task { try await failure(migrator) }
                let sleeping: PostgresQuery = """
                    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'
                    """
                try await database.connect { connection in
                    try await waitUntil { try await connection.value(sleeping) == 1 }
                    proxy.cutAll()
                    #expect(try await run.value?.code == .connectionLost)
                    try await waitUntil { try await connection.value(sleeping) == 0 }
                }
            }
        }
    }

    @Test func `what is granted by a step before is not missed`() async throws {
        try await OwnServer.with([:]) { server in
            try await server.connection.execute(
                script: """
                    CREATE ROLE owner; CREATE ROLE deployer LOGIN IN ROLE owner; GRANT CREATE ON SCHEMA public TO deployer;
                    CREATE TABLE t (id int); ALTER TABLE t OWNER TO owner; CREATE ROLE helper; GRANT helper TO deployer
                    """
            )
            let files = [
                "0001_a/01_grant.sql": "GRANT INSERT ON t TO helper",
                "0001_a/02_use.sql": "SET LOCAL ROLE helper; INSERT INTO t VALUES (1)",
            ]
            #expect(try await server.with(user: "deployer").migrator(files).up().steps.count == 2)
        }
    }

    @Test func `settings that a file leaves behind are told by name, and reset`() async throws {
        try await withDatabase { database in
            let files = [
                "0001_a/01_local.sql": "SET LOCAL work_mem = '8MB'; CREATE TABLE a (id int)",
                "0001_a/02_leave.sql":
                    "SET search_path = pg_temp; SELECT set_config('work_mem', '9MB', false)",
                "0001_a/03_next.sql": "CREATE TABLE b AS SELECT current_setting('work_mem') AS memory",
            ]
            let log = EventLog()
            _ = try await migrator(files, on: database).up { log.add($0) }
            let left = log.all.compactMap { event -> (String, [String])? in
                if case .stepLeftSettings(let step, let names) = event { (step.step, names) } else { nil }
            }
            #expect(left.map(\.0) == ["02_leave"])
            #expect(left.first?.1 == ["search_path", "work_mem"])
            let memory: String = try await database.connect { try await $0.value("SELECT memory FROM public.b") }
            #expect(memory != "9MB")
        }
    }

    @Test func `each step begins with the search path of the run`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(
                    script: """
                        CREATE SCHEMA one; CREATE SCHEMA "odd, one";
                        ALTER DATABASE "\(database.name)" SET search_path = "odd, one", public
                        """
                )
                let files = [
                    "0001_a/01_a.sql": "CREATE TABLE a (id int); SET search_path = one",
                    "0001_a/02_b.sql": "CREATE TABLE b (id int)",
                    "0001_a/03_c.sql": "-- migrate: backfill table=a\nUPDATE a SET id = 2 WHERE id = 1",
                    "0001_a/04_d.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id)",
                ]
                _ = try await migrator(files, on: database).up()
                let schemas: [String] = try await connection.query(
                    "SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname IN ('a', 'b', 'a_id')"
                ).map { try $0.decode(at: 0) }
                #expect(schemas == Array(repeating: "\"odd, one\"", count: 3))
            }
        }
    }
}
