import Postgres
import SchemaMigrations
import TestSupport
import Testing

@Suite struct LockingTests {
    private let files = [
        "0001_base/up.sql": "CREATE TABLE t (id int);",
        "0002_alter/up.sql": "ALTER TABLE t ADD COLUMN n int;",
    ]

    @Test func `a table lock that is not to be had in time is told with who holds it`() async throws {
        try await withDatabase { database in
            _ = try await migrator(files.filter { $0.key.hasPrefix("0001") }, on: database).up()
            try await database.connect({ $0.applicationName = "long report" }) { other in
                try await other.withTransaction { other in
                    try await other.query("SELECT * FROM t")
                    let error = try #require(
                        try await failure(migrator(files, on: database) { $0.stallBudget = .milliseconds(350) })
                    )
                    #expect(error.code == .stallBudgetSpent)
                    #expect(error.exitCode == .tryAgainLater)
                    #expect(error.description.contains("long report"))
                    #expect(error.description.contains("process \(await other.backendProcessID)"))
                }
            }
            #expect(try await migrator(files, on: database).up().completed.map(\.number) == [2])
        }
    }

    @Test func `a step gives way and gets its lock once it is free`() async throws {
        try await withDatabase { database in
            _ = try await migrator(files.filter { $0.key.hasPrefix("0001") }, on: database).up()
            let log = EventLog()
            let migrator = try migrator(files, on: database)
            try await database.connect { other in
                try await other.execute(script: "BEGIN; SELECT * FROM t")
                async let result = migrator.up { log.add($0) }
                while log.retries.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
                try await other.execute(script: "COMMIT")
                #expect(try await result.completed.map(\.number) == [2])
            }
            #expect(!log.retries.isEmpty)
        }
    }

    @Test func `a second runner waits, is told who works, and finds the work done`() async throws {
        try await withDatabase { database in
            let files = ["0001_slow/up.sql": "CREATE TABLE t (id int); SELECT pg_sleep(0.5);"]
            let first = try migrator(files, on: database) { $0.holder = "first runner" }
            let second = try migrator(files, on: database)
            let firstLog = EventLog()
            let secondLog = EventLog()
            async let one = first.up { firstLog.add($0) }
            while firstLog.all.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
            let other = try await second.up { secondLog.add($0) }
            #expect(try await one.completed.count == 1)
            #expect(other.completed.isEmpty)
            let waited = secondLog.all.contains { if case .lockWaiting = $0 { true } else { false } }
            #expect(waited)
        }
    }

    @Test func `a runner without progress is named, and its death frees the lock`() async throws {
        try await withDatabase { database in
            let slow = ["0001_slow/up.sql": "SELECT pg_sleep(30);"]
            let first = try migrator(slow, on: database) { $0.holder = "sleeper" }
            let running = Task { try await failure(first) }
            try await database.connect { connection in
                try await waitUntil { try await connection.hasTable("migrate_control") }
                try await waitUntil {
                    try await connection.value("SELECT coalesce(max(holder), '') FROM migrate_control") == "sleeper"
                }
                let impatient = try migrator(files, on: database) { $0.lockWait = .milliseconds(300) }
                let error = try #require(try await failure(impatient))
                #expect(error.exitCode == .lockHeld)
                #expect(error.description.contains("sleeper"))
                // Dies as a killed process does: all of its connections go at once.
                try await connection.query(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()
                    """
                )
                #expect(try await running.value?.code == .connectionLost)
                #expect(try await migrator(files, on: database).up().completed.count == 2)
            }
        }
    }

    @Test func `a runner that was overtaken commits nothing more`() async throws {
        try await withDatabase { database in
            // What a second runner does that believes to hold the lock; here it comes exactly between two steps.
            let overtaking = "UPDATE migrate_control SET token = token + 1;"
            let steps = ["0001_two/01_a.sql": overtaking, "0001_two/02_b.sql": "CREATE TABLE b (id int);"]
            let error = try await failure(migrator(steps, on: database))
            #expect(error?.code == .fenced)
            let exists = try await database.connect { try await $0.hasTable("b") }
            #expect(!exists)
        }
    }

    @Test func `the connection that holds the lock pins no snapshot`() async throws {
        try await withDatabase { database in
            let files = [
                "0001_base/01_table.sql": "CREATE TABLE t (id int);",
                "0001_base/02_index.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY t_id ON t (id);",
                "0001_base/03_sleep.sql": "SELECT pg_sleep(0.5);",
            ]
            let migrator = try migrator(files, on: database)
            let running = Task { try await failure(migrator) }
            try await database.connect { connection in
                let holder: PostgresQuery = """
                    SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                    WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database
                    WHERE datname = current_database()) AND a.backend_xmin IS NULL AND a.backend_xid IS NULL
                    """
                try await waitUntil { try await connection.value(holder) == 1 }
                #expect(try await running.value == nil)
                #expect(try await connection.value("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass") == 1)
            }
        }
    }
}

/// What a test waited for did not come about.
struct NothingCame: Error {}

/// Asks again until the answer is yes; the limit is far beyond what it takes.
func waitUntil(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<6000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw NothingCame()
}
