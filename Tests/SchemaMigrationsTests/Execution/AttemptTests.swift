import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// The log of what runners have tried.
@Suite struct AttemptTests {
    private let base = "CREATE TABLE t (id int)"

    @Test func `every attempt of every step is kept, with how it ended`() async throws {
        try await withDatabase { database in
            var files = ["0001_base/up.sql": base, "0002_more/up.sql": "INSERT INTO t VALUES (1 / 0)"]
            let first = try migrator(files, on: database) { $0.holder = "first" }
            #expect(try await first.attempts().isEmpty)
            #expect(try await failure(first)?.code == .sqlFailed)
            files["0002_more/up.sql"] = "INSERT INTO t VALUES (1)"
            let second = try migrator(files, on: database) { $0.holder = "second" }
            _ = try await second.up()

            let attempts = try await second.attempts()
            #expect(attempts.map(\.version.number) == [1, 2, 2])
            #expect(attempts.map(\.outcome) == [.applied, .failed, .applied])
            #expect(attempts.map(\.runner) == ["first", "first", "second"])
            #expect(attempts.allSatisfy { $0.finishedAt != nil && $0.durationMS != nil && $0.stepName == "up" })
            let failed = attempts[1]
            #expect(failed.sqlState == "22012")
            #expect(failed.errorCode == "sql_failed")
            #expect(failed.error?.hasPrefix("0002_more/up.sql: ERROR: division by zero") == true)
            #expect(attempts[0].tries == 1)
        }
    }

    @Test func `an interrupted attempt is told from a failed one`() async throws {
        try await withDatabase { database in
            let migrator = try migrator(["0001_slow/up.sql": "SELECT pg_sleep(600)"], on: database)
            let run = Task { try await failure(migrator) }
            try await database.connect { connection in
                try await waitUntil {
                    try await connection.value(
                        """
                        SELECT EXISTS (SELECT FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event = 'PgSleep')
                        """
                    )
                }
            }
            #expect(try await migrator.attempts().map(\.outcome) == [.running])
            run.cancel()
            #expect(try await run.value?.exitCode == .paused)
            #expect(try await migrator.attempts().map(\.outcome) == [.interrupted])
        }
    }

    @Test func `an attempt whose runner died is abandoned as soon as another one runs`() async throws {
        try await withDatabase { database in
            let files = ["0001_base/up.sql": base, "0002_more/up.sql": "SELECT 1"]
            _ = try await migrator(["0001_base/up.sql": base], on: database).up()
            try await database.connect { connection in
                // What a runner leaves that is killed in the middle of a step.
                try await connection.execute(
                    script: """
                        UPDATE migrate_control SET token = token + 1;
                        INSERT INTO migrate_attempt (token, number, version, step, migration_name, step_name, kind, runner,
                            role, started_at, outcome)
                        SELECT token, 1, 2, 1, 'more', 'up', 'transaction', 'dead', 'postgres', now(), 'running'
                        FROM migrate_control
                        """
                )
            }
            let migrator = try migrator(files, on: database)
            _ = try await migrator.up()
            #expect(try await migrator.attempts().map(\.outcome) == [.applied, .abandoned, .applied])
        }
    }

    @Test func `who waits is told which step is under way, also inside its transaction`() async throws {
        try await withDatabase { database in
            let slow = try migrator(["0001_slow/up.sql": "SELECT pg_sleep(600)"], on: database)
            let run = Task { try await failure(slow) }
            try await database.connect { connection in
                try await waitUntil { try await connection.hasTable("migrate_control") }
                try await waitUntil {
                    try await connection.value(
                        "SELECT activity IS NOT DISTINCT FROM '0001_slow/up' FROM migrate_control"
                    )
                }
            }
            run.cancel()
            _ = try await run.value
        }
    }

    @Test func `bookkeeping of another format is one clear error`() async throws {
        try await withDatabase { database in
            let migrator = try migrator(["0001_base/up.sql": base], on: database)
            _ = try await migrator.up()
            for (format, code) in [(Int32(1), MigrationExitCode.needsHuman), (99, .ahead)] {
                try await database.connect { try await $0.query("UPDATE migrate_control SET format = \(format)") }
                let error = try #require(try await failure(migrator))
                #expect(error.code == .bookkeepingUnreadable)
                #expect(error.exitCode == code)
                #expect(error.message.contains("format \(format)"))
            }
        }
    }
}
