import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Repairs on a real server.
@Suite struct RepairTests {
    private static let files = [
        "0001_notes/01_table.sql": "CREATE TABLE notes (id int)",
        "0001_notes/02_body.sql": "ALTER TABLE notes ADD COLUMN body text",
        "0002_more/up.sql": "CREATE TABLE more (id int)",
    ]

    private static var edited: [String: String] {
        var files = files
        // Would fail if it were run: the table is there.
        files["0001_memos/01_table.sql"] = "-- migrate: requires-release=7\nCREATE TABLE notes (id int)"
        files["0001_memos/02_text.sql"] = files["0001_notes/02_body.sql"]
        files["0001_notes/01_table.sql"] = nil
        files["0001_notes/02_body.sql"] = nil
        files["0002_more/up.sql"] = "-- A remark.\nCREATE TABLE more (id int)"
        return files
    }

    @Test func `a repair records the texts and names of one migration, and runs nothing`() async throws {
        try await withDatabase { database in
            _ = try await migrator(Self.files, on: database).up()
            let before = try await migrator(Self.files, on: database).history().records
            let migrator = try migrator(Self.edited, on: database) { $0.holder = "a person" }
            let plan = try await migrator.repairPlan(at: version(1))
            #expect(plan.recordedName == "notes")
            #expect(try await migrator.repair(plan) == plan)

            let records = try await migrator.history().records
            let steps = plan.migration.steps
            #expect(records.map(\.migrationName) == ["memos", "memos", "more"])
            #expect(records.map(\.stepName) == ["01_table", "02_text", "up"])
            #expect(records.prefix(2).map(\.checksum) == steps.map(\.file.checksum))
            #expect(records.map(\.requiredRelease) == [7, nil, nil])
            #expect(records[2] == before[2])
            #expect(records.map(\.finishedAt) == before.map(\.finishedAt))
            #expect(try await migrator.repairPlan(at: version(1)).isEmpty)

            let attempt = try #require(try await migrator.attempts().last)
            #expect(attempt.stepName == "repair" && attempt.stepOrdinal == 0 && attempt.outcome == .applied)
            #expect(attempt.version.number == 1 && attempt.migrationName == "memos" && attempt.runner == "a person")

            let refusal = try #require(try await failure(migrator))
            #expect(refusal.exitCode == .disagreement && refusal.related.isEmpty)
            #expect(refusal.location?.file == "0002_more/up.sql")
            #expect(refusal.hint?.contains(#"migrate repair --at 0002"#) == true)
            _ = try await migrator.repair(try await migrator.repairPlan(at: version(2)))
            #expect(try await migrator.up().completed.isEmpty)
            #expect(try await migrator.status().state == .upToDate)
        }
    }

    @Test func `a history that changed since the repair was looked at is not written over`() async throws {
        try await withDatabase { database in
            _ = try await migrator(Self.files, on: database).up()
            let migrator = try migrator(Self.edited, on: database)
            let plan = try await migrator.repairPlan(at: version(2))
            try await database.connect { connection in
                try await connection.execute(script: "UPDATE migrate_history SET checksum = 'ab' WHERE version = 2")
                let error = await #expect(throws: MigrationError.self) { _ = try await migrator.repair(plan) }
                #expect(error?.code == .planOutdated && error?.exitCode == .disagreement)
                #expect(try await connection.value("SELECT checksum FROM migrate_history WHERE version = 2") == "ab")
                #expect(try await migrator.attempts().map(\.stepName) == ["01_table", "02_body", "up"])
            }
            // The same repair by somebody else leaves nothing to do.
            let now = try await migrator.repairPlan(at: version(2))
            _ = try await migrator.repair(now)
            #expect(try await migrator.repair(now).isEmpty)
            #expect(try await migrator.attempts().filter { $0.stepName == "repair" }.count == 1)
        }
    }

    @Test func `a repair that was overtaken by another runner records nothing`() async throws {
        try await withDatabase { database in
            _ = try await migrator(Self.files, on: database).up()
            let before = try await migrator(Self.files, on: database).history()
            let migrator = try migrator(Self.edited, on: database) { options in
                // Asked between the token and the transaction.
                options.approval = { paths in
                    #expect(paths == ["0002_more/up.sql"])
                    try await database.connect { connection in
                        try await connection.execute(script: "UPDATE migrate_control SET token = token + 1")
                    }
                }
            }
            let plan = try await migrator.repairPlan(at: version(2))
            let error = await #expect(throws: MigrationError.self) { _ = try await migrator.repair(plan) }
            #expect(error?.code == .fenced && error?.exitCode == .lockHeld)
            #expect(try await migrator.history() == before)
        }
    }

    @Test func `a repair waits for the runner that is at work`() async throws {
        try await withDatabase { database in
            _ = try await migrator(Self.files, on: database).up()
            var files = Self.files
            files["0003_slow/up.sql"] = "SELECT pg_sleep(600)"
            let sleeper = try migrator(files, on: database) { $0.holder = "sleeper" }
            let running = Task { try await failure(sleeper) }
            try await database.connect { connection in
                try await waitUntil {
                    try await connection.value(
                        "SELECT count(*) = 1 FROM migrate_attempt WHERE version = 3 AND outcome = 'running'"
                    )
                }
            }
            let log = EventLog()
            let migrator = try migrator(Self.edited, on: database) { $0.lockWait = .milliseconds(300) }
            // A release that does not know the migration under way is not behind: nothing of it is recorded yet.
            let plan = try await migrator.repairPlan(at: version(2))
            let error = await #expect(throws: MigrationError.self) {
                _ = try await migrator.repair(plan) { log.add($0) }
            }
            #expect(error?.code == .lockHeld && error?.exitCode == .lockHeld)
            #expect(error?.description.contains("sleeper") == true)
            #expect(!log.all.isEmpty)
            running.cancel()
            #expect(try await running.value?.exitCode == .paused)
            #expect(try await migrator.repair(plan) == plan)
        }
    }

    @Test func `a migration applied in part is repaired, and the first run goes on to its end`() async throws {
        try await withDatabase { database in
            var files = [
                "0001_notes/01_table.sql": "CREATE TABLE notes (id int)",
                "0001_notes/02_body.sql": "ALTER TABLE note ADD COLUMN body text",
                "0002_last/up.sql": "-- migrate: phase=contract\nALTER TABLE notes DROP COLUMN body",
            ]
            let broken = try migrator(files, on: database)
            #expect(try await failure(broken)?.code == .sqlFailed)
            files["0001_notes/01_table.sql"] = "-- Of everybody.\nCREATE TABLE notes (id int)"
            files["0001_notes/02_body.sql"] = "ALTER TABLE notes ADD COLUMN body text"
            let mended = try migrator(files, on: database)
            #expect(try await failure(mended)?.exitCode == .disagreement)
            let plan = try await mended.repairPlan(at: version(1))
            #expect(plan.steps.map(\.step.name) == ["01_table"])
            _ = try await mended.repair(plan)
            // The database was empty when the run began, so it applies contract migrations too.
            #expect(try await mended.up().completed.map(\.number) == [1, 2])
        }
    }
}
