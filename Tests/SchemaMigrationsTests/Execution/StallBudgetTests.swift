import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// What a step's locks may cost others.
@Suite struct StallBudgetTests {
    private let base = ["0001_base/up.sql": "CREATE TABLE t (id int);"]
    private var alter: [String: String] { base.merging(["0002_alter/up.sql": "ALTER TABLE t ADD n int"]) { $1 } }

    @Test func `a transaction that would outlast a try is named and waited for, without queueing behind it`()
        async throws
    {
        try await withDatabase { database in
            _ = try await migrator(base, on: database).up()
            let log = EventLog()
            let migrator = try migrator(alter, on: database)
            try await database.connect({ $0.applicationName = "long report" }) { other in
                try await other.execute(script: "BEGIN; SELECT FROM t; SELECT pg_sleep(0.2)")
                let run = Task { try await migrator.up { log.add($0) } }
                try await waitUntil { log.retries.count >= 2 }
                // Had it queued, this would wait behind it.
                try await database.connect { try await $0.execute(script: "SELECT FROM t") }
                try await other.execute(script: "COMMIT")
                #expect(try await run.value.completed.map(\.number) == [2])
                let reason = try #require(log.retries.first)
                #expect(reason.contains("long report"))
                #expect(reason.contains("process \(await other.backendProcessID)"))
                #expect(reason.contains("not queueing"))
            }
            #expect(try await migrator.attempts().last?.tries == 1)
        }
    }

    @Test func `a prepared transaction in the way is named`() async throws {
        try await OwnServer.with(["max_prepared_transactions": "2"]) { server in
            _ = try await server.migrator(base).up()
            try await server.connection.execute(
                script: "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'forgotten'"
            )
            let error = try #require(
                try await failure(server.migrator(alter) { $0.stallBudget = .milliseconds(50) })
            )
            #expect(error.exitCode == .tryAgainLater)
            #expect(error.message.contains("a prepared transaction"))
            try await server.connection.execute(script: "ROLLBACK PREPARED 'forgotten'")
            _ = try await server.migrator(alter).up()
        }
    }

    @Test func `a queue that forms behind a try ends the try before the budget is overdrawn`() async throws {
        try await withDatabase { database in
            _ = try await migrator(base, on: database).up()
            let migrator = try migrator(alter, on: database) {
                $0.lockTimeout = .seconds(60)
                $0.stallBudget = .seconds(2)
            }
            try await database.connect({ $0.applicationName = "long report" }) { other in
                try await other.execute(script: "BEGIN; SELECT FROM t")
                let run = Task { try await failure(migrator) }
                try await waitUntil {
                    try await other.value(
                        """
                        SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 't'::regclass AND NOT granted
                        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
                        """
                    )
                }
                // They get through although the report is still there.
                async let first = read(database)
                async let second = read(database)
                async let third = read(database)
                _ = try await (first, second, third)
                let error = try #require(try await run.value)
                #expect(error.code == .stallBudgetSpent)
                #expect(error.message.contains("stepped out"))
                #expect(error.message.contains("in 1 try"))
                #expect(error.message.contains("long report"))
                try await other.execute(script: "COMMIT")
            }
        }
    }

    @Test func `a step that holds its locks for too long steps out for those who wait`() async throws {
        try await withDatabase { database in
            var files = base
            files["0002_slow/up.sql"] = "LOCK TABLE t; SELECT pg_sleep(3600)"
            _ = try await migrator(base, on: database).up()
            let migrator = try migrator(files, on: database) { $0.stallBudget = .milliseconds(300) }
            let run = Task { try await failure(migrator) }
            try await database.connect { other in
                try await waitUntil {
                    try await other.value(
                        """
                        SELECT EXISTS (SELECT FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event = 'PgSleep')
                        """
                    )
                }
                try await other.execute(script: "INSERT INTO t VALUES (1)")
            }
            let error = try #require(try await run.value)
            #expect(error.exitCode == .tryAgainLater)
            #expect(error.message.contains("stepped out"))
            #expect(try await migrator.attempts().last?.outcome == .failed)
        }
    }

    @Test func `how long others waited is told, and is no more than they did`() async throws {
        try await withDatabase { database in
            var files = base
            files["0002_gate/up.sql"] =
                "-- migrate: lock-timeout=5min\nLOCK TABLE t; SELECT pg_advisory_xact_lock(42)"
            _ = try await migrator(base, on: database).up()
            let migrator = try migrator(files, on: database) { $0.stallBudget = .seconds(60) }
            try await database.connect { gate in
                try await gate.execute(script: "SELECT pg_advisory_lock(42)")
                let run = Task { try await migrator.up() }
                try await waitUntil {
                    try await gate.value(
                        """
                        SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND objid = 42
                        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
                        """
                    )
                }
                let clock = ContinuousClock.now
                let writer = Task {
                    try await database.connect { try await $0.execute(script: "INSERT INTO t VALUES (1)") }
                }
                let waiting: PostgresQuery = """
                    SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 't'::regclass AND NOT granted
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    AND clock_timestamp() - waitstart > '500 ms')
                    """
                try await waitUntil { try await gate.value(waiting) }
                try await gate.execute(script: "SELECT pg_advisory_unlock(42)")
                _ = try await writer.value
                let waited = (ContinuousClock.now - clock) / .milliseconds(1)
                let told = try #require(try await run.value.othersBlockedMilliseconds)
                #expect(told > 0)
                #expect(told <= waited)
                #expect(try await migrator.attempts().last?.othersBlockedMS == told)
            }
        }
    }

    private func read(_ database: TestDatabase) async throws {
        try await database.connect { try await $0.execute(script: "SELECT FROM t") }
    }
}
