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

    @Test func `a step that is recorded already is not committed again`() async throws {
        try await withDatabase { database in
            let line = """
                CREATE TABLE twice (id int);
                INSERT INTO public.migrate_history (version, step, step_count, migration_name, step_name, phase, kind,
                    checksum_algorithm, checksum, outcome, started_at, token, applied_by)
                VALUES (2, 1, 1, 'twice', 'up', 'expand', 'transaction', 'sha256', '', 'applied', now(), 1, 'other')
                """
            let migrator = try migrator(["0001_base/up.sql": base, "0002_twice/up.sql": line], on: database)
            let error = try #require(try await failure(migrator))
            #expect(error.code == .fenced && error.message.contains("0002_twice/up is recorded as applied already"))
            #expect(try await migrator.attempts().map(\.outcome) == [.applied, .failed])
            try await database.connect { connection in
                let isThere: Bool = try await connection.value("SELECT to_regclass('twice') IS NOT NULL")
                #expect(!isThere)
            }
        }
    }

    @Test func `a step that was intended outside a transaction may have become one within it`() async throws {
        try await withDatabase { database in
            _ = try await migrator(["0001_base/up.sql": base], on: database).up()
            try await database.connect { connection in
                // What a runner leaves that is killed while it builds an index.
                try await connection.execute(
                    script: """
                        INSERT INTO migrate_history (version, step, step_count, migration_name, step_name, phase, kind,
                            checksum_algorithm, checksum, outcome, started_at, token, applied_by)
                        VALUES (2, 1, 1, 'index', 'up', 'expand', 'no-transaction', 'sha256', '', 'intent', now(), 1, 'a')
                        """
                )
            }
            let files = ["0001_base/up.sql": base, "0002_index/up.sql": "CREATE INDEX t_id ON t (id)"]
            let migrator = try migrator(files, on: database)
            _ = try await migrator.up()
            #expect(try await migrator.status().state == .upToDate)
        }
    }

    @Test func `an attempt that is known and could not begin its transaction stays the same one`() async throws {
        try await withDatabase { database in
            _ = try await migrator(["0001_base/up.sql": base], on: database).up()
            let migrator = try migrator(["0001_base/up.sql": base, "0002_more/up.sql": "SELECT 1"], on: database) {
                $0.lockTimeout = .milliseconds(100)
            }
            try await database.connect { connection in
                try await connection.execute(
                    script: """
                        CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
                            'BEGIN PERFORM pg_sleep(0.5); RETURN new; END';
                        CREATE TRIGGER slowly BEFORE INSERT ON migrate_attempt FOR EACH ROW EXECUTE FUNCTION slowly()
                        """
                )
                let run = migrator.start()
                try await waitUntil {
                    try await connection.value(
                        """
                        SELECT EXISTS (SELECT FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event = 'PgSleep')
                        """
                    )
                }
                // Granted the moment the attempt's line is committed, before the step's transaction gets to it.
                try await connection.execute(script: "BEGIN; LOCK TABLE migrate_control IN EXCLUSIVE MODE")
                for await event in run.events {
                    if case .stepRetried = event { try await connection.execute(script: "COMMIT") }
                }
                _ = try await run.result
            }
            let attempts = try await migrator.attempts()
            #expect(attempts.map(\.version.number) == [1, 2])
            #expect(attempts.allSatisfy { $0.outcome == .applied } && (attempts.last?.tries ?? 0) > 1)
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

    @Test func `ways back are attempts too, also those that fail`() async throws {
        try await withDatabase { database in
            let files = [
                "0001_base/up.sql": base, "0001_base/down.sql": "SELECT 1 / 0",
                "0002_more/up.sql": "CREATE TABLE more (id int)", "0002_more/down.sql": "DROP TABLE more",
            ]
            let migrator = try migrator(files, on: database)
            _ = try await migrator.up()
            let beginning = try version(0)
            await #expect(throws: MigrationError.self) { _ = try await migrator.down(to: beginning) }
            let downs = try await migrator.attempts().filter { $0.stepName == "down" }
            #expect(downs.map(\.version.number) == [2, 1])
            #expect(downs.map(\.outcome) == [.applied, .failed])
            #expect(downs.last?.sqlState == "22012")
        }
    }

    @Test func `a baseline is an attempt too`() async throws {
        try await withDatabase { database in
            try await withDatabase { scratch in
                try await database.connect { try await $0.execute(script: "CREATE TABLE made (id int)") }
                let migrator = try migrator(["0001_made/up.sql": "CREATE TABLE made (id int)"], on: database)
                let at = try version(1)
                _ = try await migrator.baseline(at: at, against: try scratch.configuration)
                let attempts = try await migrator.attempts()
                #expect(attempts.map(\.stepName) == ["baseline"])
                #expect(attempts.first?.outcome == .applied)
            }
        }
    }

    @Test func `a baseline at one of Flyway's versions is named as Flyway writes it`() async throws {
        try await withDatabase { database in
            try await withDatabase { scratch in
                try await database.connect { try await $0.execute(script: "CREATE TABLE made (id int)") }
                let files = [
                    "V1__made.sql": "CREATE TABLE made (id int)", "V2__more.sql": "CREATE TABLE more (id int)",
                ]
                let migrator = try migrator(files, on: database)
                let result = try await migrator.baseline(at: version(1), against: try scratch.configuration)
                guard case .recorded(_, migrations: 1) = result else {
                    Issue.record("\(result)")
                    return
                }
                #expect(try await migrator.up().steps.count == 1)
            }
        }
    }

    @Test func `the events of a run are a sequence that ends with it`() async throws {
        try await withDatabase { database in
            let run = try migrator(["0001_base/up.sql": base], on: database).start()
            var names: [String] = []
            for await event in run.events {
                switch event {
                case .lockAcquired: names.append("lock")
                case .stepStarted: names.append("started")
                case .stepFinished: names.append("finished")
                default: break
                }
            }
            #expect(names == ["lock", "started", "finished"])
            #expect(try await run.result.completed.map(\.number) == [1])
        }
    }

    @Test func `a run that is cancelled ends its events, and says that it was interrupted`() async throws {
        try await withDatabase { database in
            let run = try migrator(["0001_base/up.sql": "SELECT pg_sleep(3600)"], on: database).start()
            for await event in run.events {
                if case .stepStarted = event { run.cancel() }
            }
            do {
                _ = try await run.result
                Issue.record("it came to its end")
            } catch let error as MigrationError {
                #expect(error.exitCode == .paused)
            }
        }
    }
}
