import EphemeralPostgres
import Foundation
import Postgres
import TestSupport
import Testing

/// `migrate doctor`, on databases that lack something.
@Suite struct DoctorTests {
    @Test func `on a sound database every check is told once, and nothing is in the way`() async throws {
        try await Project.with(Samples.two) { project in
            let run = try await project.migrate("doctor")
            #expect(run.exitCode == 0, "\(run.output)")
            #expect(run.output.contains("2 steps pending, contract migrations included"))
            #expect(run.output.contains("\n0 problems, "))
            let json = try await project.doctor()
            let checks = json.map(\.check)
            #expect(Set(checks).count == checks.count && checks.count == 18)
            let expected: Set = [
                "connection", "server_version", "writable", "pooler", "connections", "migrations", "runner",
                "privileges", "services",
                "locks", "transactions", "prepared_transactions", "invalid_indexes", "unvalidated_constraints",
                "replicas",
                "replication_slots", "disk", "wraparound",
            ]
            #expect(Set(checks) == expected)
            #expect(json.first { $0.check == "pooler" }?.severity == "ok")
            // It only looks: not even the bookkeeping is made.
            #expect(try await project.number("SELECT count(*) FROM pg_class WHERE relname LIKE 'migrate_%'") == 0)
        }
    }

    @Test func `free space is told where the server is on this machine and tells where its files are`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up", "--to", "1")
            let known = try await project.doctor().first { $0.check == "disk" }
            #expect(known?.message.hasSuffix(" is free where its data directory is") == true)
            #expect(known?.severity == "ok")
            try await project.asRole("GRANT USAGE ON SCHEMA public TO ROLE") { url in
                let run = try await project.migrate("doctor", "--database-url", url)
                #expect(run.output.contains("how much is free, SQL does not tell"))
            }
        }
    }

    @Test func `files and history that disagree are a problem, with their own exit code`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            try project.write("0001_notes/up.sql", "CREATE TABLE other ()")
            let run = try await project.migrate("doctor")
            #expect(run.exitCode == 7)
            #expect(run.output.contains("problem  migrations"))
            #expect(run.output.contains("1 problem, "))
        }
    }

    @Test func `paused runs are a problem, and say how to go on`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up", "--to", "1")
            _ = try await project.migrate("pause")
            let run = try await project.migrate("doctor")
            #expect(run.exitCode == 10)
            #expect(run.output.contains("runs are paused by migrate["))
            #expect(run.output.contains("hint: allow them again: migrate resume"))
        }
    }

    @Test func `a role that may not create is told what it lacks`() async throws {
        try await Project.with(Samples.two) { project in
            try await project.asRole("GRANT USAGE ON SCHEMA public TO ROLE") { url in
                let run = try await project.migrate("doctor", "--database-url", url)
                #expect(run.exitCode == 6)
                #expect(run.output.contains("the role may not create tables in schema public"))
                #expect(run.output.contains("hint: GRANT CREATE ON SCHEMA \"public\" TO"))
            }
        }
    }

    @Test func `a role that owns no table, and may not write the bookkeeping, is told so`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up", "--to", "1")
            try await project.asRole("GRANT SELECT ON ALL TABLES IN SCHEMA public TO ROLE") { url in
                let found = try await project.doctor("--database-url", url).filter { $0.check == "privileges" }
                #expect(found.contains { $0.severity == "problem" && $0.message.contains("lacks INSERT on") })
                #expect(found.contains { $0.message == "pending steps change notes, which belongs to postgres" })
                #expect(found.contains { $0.hint == "run as postgres or a member of it" })
            }
        }
    }

    @Test func `who is in the way, and for how long, is told`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up", "--to", "1")
            try await project.withSession { session in
                try await session.withTransaction { session in
                    _ = try await session.execute(
                        script: "SET application_name = 'report'; INSERT INTO notes VALUES (1)"
                    )
                    try await project.eventually(
                        "SELECT bool_and(xact_start < now() - interval '1.5 s') FROM pg_stat_activity WHERE "
                            + "application_name = 'report' AND datname = current_database()"
                    )
                    let found = try await project.doctor("--long", "1")
                    let pid = await session.backendProcessID
                    let lock = try #require(found.first { $0.check == "locks" })
                    #expect(
                        lock.message.hasPrefix(
                            "process \(pid) (report, role postgres) holds ROW EXCLUSIVE on notes for "
                        )
                    )
                    #expect(lock.message.hasSuffix("in the way of a pending step's ACCESS EXCLUSIVE"))
                    #expect(lock.severity == "warning")
                    let long = try #require(found.first { $0.check == "transactions" })
                    #expect(
                        long.message.hasPrefix("process \(pid) (report, role postgres) has been in a transaction for ")
                    )
                    #expect(long.message.hasSuffix(", idle"))
                    #expect(long.hint?.contains("pg_terminate_backend(\(pid))") == true)
                }
            }
        }
    }

    @Test func `a runner at work is named, and its lock is no long transaction`() async throws {
        try await Project.with(["0001_slow/up.sql": "SELECT pg_sleep(600)"]) { project in
            let run = try await project.migrate("up") { process in
                try await project.eventually("SELECT to_regclass('migrate_control') IS NOT NULL")
                try await project.eventually("SELECT activity IS NOT NULL FROM migrate_control")
                let found = try await project.doctor("--long", "0")
                let runner = try #require(found.first { $0.check == "runner" })
                #expect(runner.severity == "warning")
                #expect(runner.message.contains("migrate[\(process)]") && runner.message.contains("at 0001_slow/up"))
                let long = found.filter { $0.check == "transactions" }
                #expect(long.count == 1, "the step is one, the lock is none: \(long)")
                kill(process, SIGINT)
            }
            #expect(run.exitCode == 10)
        }
    }

    @Test func `leftovers in the schema are found`() async throws {
        try await Project.with(Samples.two) { project in
            let script = """
                CREATE TABLE t (id int); ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0) NOT VALID;
                CREATE INDEX "Left Over" ON t (id);
                UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"Left Over"'::regclass
                """
            try await project.withSession { _ = try await $0.execute(script: script) }
            let found = try await project.doctor()
            let index = try #require(found.first { $0.check == "invalid_indexes" })
            #expect(index.message.hasPrefix("index \"Left Over\" of t is INVALID"))
            #expect(index.hint?.contains("DROP INDEX CONCURRENTLY \"Left Over\"") == true)
            let constraint = try #require(found.first { $0.check == "unvalidated_constraints" })
            #expect(constraint.message.hasPrefix("constraint positive of t is NOT VALID"))
            #expect(constraint.severity == "note")
        }
    }

    @Test func `a server that only reads, prepared transactions, slots and missing standbys are found`() async throws {
        var options = EphemeralServer.Options()
        options.settings = ["max_prepared_transactions": "2", "wal_level": "logical", "max_connections": "20"]
        try await EphemeralServer.withServer(options) { server in
            try await server.createDatabase("app")
            try await Project.with(Samples.two) { project in
                let url = server.connectionString(database: "app")
                let configuration = try PostgresConfiguration(url)
                let script = """
                    SELECT pg_create_physical_replication_slot('old', true); BEGIN; CREATE TABLE p (); PREPARE TRANSACTION
                    'it''s'; ALTER DATABASE app SET default_transaction_read_only = on;
                    """
                try await PostgresConnection.withConnection(to: configuration) { session in
                    for statement in script.split(separator: ";").map({
                        $0.trimmingCharacters(in: .whitespacesAndNewlines)
                    }) {
                        if !statement.isEmpty { _ = try await session.execute(script: statement) }
                    }
                    _ = try await session.execute(script: "ALTER SYSTEM SET synchronous_standby_names = 'gone'")
                    _ = try await session.execute(script: "SELECT pg_reload_conf()")
                }
                let run = try await project.migrate("doctor", "--format", "json", "--database-url", url)
                #expect(run.exitCode == 6)
                let found = try Project.findings(run)
                let prepared = try #require(found.first { $0.check == "prepared_transactions" })
                #expect(prepared.hint == "end it: COMMIT PREPARED 'it''s' or ROLLBACK PREPARED 'it''s'")
                let slot = try #require(found.first { $0.check == "replication_slots" })
                #expect(slot.message.hasPrefix("slot old is not in use, and keeps "))
                #expect(found.first { $0.check == "writable" }?.message == "transactions are read-only by default here")
                #expect(
                    found.first { $0.check == "replicas" }?.message
                        == "commits wait for a standby, and none is connected"
                )
            }
        }
    }

    @Test func `without a server the answer is 5`() async throws {
        try await withFolder { folder in
            try FileManager.default.createDirectory(atPath: "\(folder)/migrations", withIntermediateDirectories: true)
            let run = try await runMigrate(["doctor", "--database-url", "host=/nonexistent"], in: folder)
            #expect(run.exitCode == 5)
        }
    }
}

extension Project {
    fileprivate struct Found {
        let check: String
        let severity: String
        let message: String
        let hint: String?
    }

    fileprivate func doctor(_ arguments: String...) async throws -> [Found] {
        let environment = ["MIGRATE_DATABASE_URL": database.connectionString]
        return try Self.findings(
            try await runMigrate(["doctor", "--format", "json"] + arguments, in: folder, environment: environment)
        )
    }

    fileprivate static func findings(_ run: Finished) throws -> [Found] {
        try #require(try run.json["checks"] as? [[String: Any]]).map { check in
            Found(
                check: try #require(check["check"] as? String),
                severity: try #require(check["severity"] as? String),
                message: try #require(check["message"] as? String),
                hint: check["hint"] as? String
            )
        }
    }

    /// Lends the URL of a new role; ROLE stands for its name in what it is granted.
    fileprivate func asRole(_ grant: String, _ body: (String) async throws -> Void) async throws {
        let role = "role_\(database.name)"
        let script = "CREATE ROLE \(role) LOGIN; \(grant.replacing("ROLE", with: role))"
        try await withSession { _ = try await $0.execute(script: script) }
        try await body("\(database.connectionString) user=\(role)")
        try await withSession { _ = try await $0.execute(script: "DROP OWNED BY \(role); DROP ROLE \(role)") }
    }
}
