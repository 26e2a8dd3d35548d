import Glibc
import Postgres
import TestSupport
import Testing

/// The program over a link on which each round trip takes as long as from another continent.
@Suite struct SlowLinkTests {
    private static let migrations = [
        "0001_table/up.sql": "CREATE TABLE t (id int PRIMARY KEY, n int);"
            + "INSERT INTO t SELECT g, NULL FROM generate_series(1, 5000) g;",
        "0002_fill/01_fill.sql": "-- migrate: backfill table=t\nUPDATE t SET n = id WHERE n IS NULL",
        "0002_fill/02_index.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY t_n ON t (n)",
    ]

    private func withSlowProject(
        _ migrations: [String: String],
        _ body: (Project, [String: String]) async throws -> Void
    ) async throws {
        try await Project.with(migrations) { project in
            try await CuttingProxy.with(project.database, latency: .milliseconds(60)) { _, string in
                try await body(project, ["MIGRATE_DATABASE_URL": string])
            }
        }
    }

    @Test func `what is done and told is the same as over a fast link`() async throws {
        try await withSlowProject(Self.migrations) { project, slow in
            let up = try await runMigrate(["up"], in: project.folder, environment: slow)
            #expect(up.exitCode == 0, "\(up.errorOutput)")
            #expect(try await project.number("SELECT count(*) FROM t WHERE n = id") == 5000)
            for command in ["status", "plan", "verify", "dump"] {
                let far = try await runMigrate([command], in: project.folder, environment: slow)
                let near = try await project.migrate(command)
                #expect(far.exitCode == near.exitCode)
                #expect(far.output == near.output)
                #expect(far.errorOutput == near.errorOutput)
            }
            let again = try await runMigrate(["up"], in: project.folder, environment: slow)
            #expect(again.exitCode == 0)
            #expect(again.output.contains("nothing to do"))
        }
    }

    @Test func `a run that is interrupted stops the server's work and says what continues`() async throws {
        let migrations = ["0001_wait/up.sql": "CREATE TABLE w (); SELECT pg_sleep(300);"]
        try await withSlowProject(migrations) { project, slow in
            let run = try await runMigrate(["up"], in: project.folder, environment: slow) { process in
                try await project.eventually(
                    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
                        + "AND wait_event = 'PgSleep')"
                )
                kill(process, SIGINT)
            }
            #expect(run.exitCode == 10)
            #expect(run.errorOutput.contains("migrate up"))
            try await project.eventually(
                "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
                    + "AND wait_event = 'PgSleep')"
            )
            #expect(try await project.number("SELECT count(*) FROM pg_class WHERE relname = 'w'") == 0)
        }
    }
}
