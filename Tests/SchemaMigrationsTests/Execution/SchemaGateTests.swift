import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Services that say what they can live with.
@Suite struct SchemaGateTests {
    private let files = [
        "0001_base/up.sql": "CREATE TABLE t (id int, old int)",
        "0002_new/up.sql": "ALTER TABLE t ADD new int",
        "0003_contract/up.sql": "-- migrate: phase=contract requires-release=12\nALTER TABLE t DROP old",
    ]

    private func enter(
        _ database: TestDatabase,
        release: Int32,
        requiring version: Int64? = nil,
        waiting patience: Duration = .zero
    ) async throws -> SchemaGate {
        var configuration = try database.configuration
        configuration.applicationName = "controller"
        return try await SchemaGate.ensureCompatible(
            with: configuration,
            release: release,
            requiring: version.flatMap { MigrationVersion($0) },
            waiting: patience
        )
    }

    private func refusal(_ body: () async throws -> SchemaGate) async throws -> MigrationError? {
        do {
            await (try await body()).leave()
            return nil
        } catch let error as MigrationError {
            return error
        }
    }

    @Test func `a service waits for the migration that it needs`() async throws {
        try await withDatabase { database in
            async let gate = enter(database, release: 12, requiring: 2, waiting: .seconds(60))
            try await waitUntil { try await migrator(files, on: database).services().count == 1 }
            _ = try await migrator(files, on: database).up(to: .version(version(1)))
            _ = try await migrator(files, on: database).up(to: .version(version(2)))
            try await gate.leave()
        }
    }

    @Test func `a service that needs what is not there fails with the reason`() async throws {
        try await withDatabase { database in
            let empty = try await refusal { try await enter(database, release: 12, requiring: 1) }
            #expect(empty?.code == .schemaBehind)
            _ = try await migrator(files, on: database).up(to: .version(version(1)))
            let behind = try #require(try await refusal { try await enter(database, release: 12, requiring: 2) })
            #expect(behind.code == .schemaBehind)
            #expect(behind.message.contains("lacks migration 2"))
            #expect(try await refusal { try await enter(database, release: 12, requiring: 1) } == nil)
            #expect(try await migrator(files, on: database).services().isEmpty)
        }
    }

    @Test func `a service that is too old for the schema fails at once, naming the migration`() async throws {
        try await withDatabase { database in
            _ = try await migrator(files, on: database).up(phase: .all)
            let error = try #require(
                try await refusal { try await enter(database, release: 11, waiting: .seconds(3600)) }
            )
            #expect(error.code == .schemaAhead)
            #expect(error.exitCode == .ahead)
            #expect(error.message.contains("migration 3 (contract) needs release 12"))
            #expect(try await refusal { try await enter(database, release: 12) } == nil)
        }
    }

    @Test func `a contract migration is refused while a service runs that could not survive it`() async throws {
        try await withDatabase { database in
            let migrator = try migrator(files, on: database)
            _ = try await migrator.up(to: .version(version(2)))
            let old = try await enter(database, release: 11, requiring: 2)
            let new = try await enter(database, release: 12, requiring: 2)
            let plan = try await migrator.plan()
            #expect(plan.inTheWay(among: try await migrator.services()).map(\.release) == [11])

            let error = try #require(try await failure(migrator, phase: .all))
            #expect(error.code == .servicesInTheWay)
            #expect(error.exitCode == .tryAgainLater)
            #expect(error.message.contains("\"controller\" (release 11"))
            #expect(!error.message.contains("release 12, role"))
            #expect(try await migrator.history().records.map(\.version.number) == [1, 2])

            await old.leave()
            #expect(try await migrator.up(phase: .all).completed.map(\.number) == [3])
            await new.leave()
        }
    }

    @Test func `an expand migration asks nobody`() async throws {
        try await withDatabase { database in
            let migrator = try migrator(files, on: database)
            _ = try await migrator.up(to: .version(version(1)))
            let old = try await enter(database, release: 1)
            #expect(try await migrator.up().completed.map(\.number) == [2])
            await old.leave()
        }
    }

    @Test func `a service that starts while the contract is applied does not slip in`() async throws {
        try await withDatabase { database in
            var gated = files
            gated["0003_contract/up.sql"] =
                "-- migrate: phase=contract requires-release=12 lock-timeout=5min\n"
                + "SELECT pg_advisory_xact_lock(42); ALTER TABLE t DROP old"
            let migrator = try migrator(gated, on: database) { $0.stallBudget = .seconds(60) }
            _ = try await migrator.up(to: .version(version(2)))
            try await database.connect { connection in
                try await connection.execute(script: "SELECT pg_advisory_lock(42)")
                let run = Task { try await migrator.up(phase: .all) }
                try await waitUntil {
                    try await connection.value(
                        """
                        SELECT EXISTS (SELECT FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event = 'advisory')
                        """
                    )
                }
                // Without patience it is told why; with patience it waits, and is then too old.
                let hasty = try await refusal { try await enter(database, release: 11) }
                #expect(hasty?.exitCode == .tryAgainLater)
                async let late = refusal { try await enter(database, release: 11, waiting: .seconds(60)) }
                try await waitUntil { try await migrator.services().map(\.release) == [11] }
                try await connection.execute(script: "SELECT pg_advisory_unlock(42)")
                _ = try await run.value
                #expect(try await late?.code == .schemaAhead)
            }
        }
    }

    @Test func `a registration pins no snapshot, and is made anew when its connection breaks`() async throws {
        try await withDatabase { database in
            let migrator = try migrator(files, on: database)
            _ = try await migrator.up(to: .version(version(2)))
            let gate = try await enter(database, release: 11)
            let first = try #require(try await migrator.services().first)
            try await database.connect { connection in
                let pins: PostgresQuery = """
                    SELECT backend_xmin IS NOT NULL OR backend_xid IS NOT NULL FROM pg_stat_activity
                    WHERE pid = \(first.processID)
                    """
                #expect(try await !connection.value(pins))
                try await connection.query("SELECT pg_terminate_backend(\(first.processID), 10000)")
            }
            try await waitUntil {
                let now = try await migrator.services()
                return now.count == 1 && now.first?.processID != first.processID
            }
            #expect(gate.failure == nil)
            await gate.leave()
            try await waitUntil { try await migrator.services().isEmpty }
        }
    }

    @Test func `a service that lost its registration and cannot come back says so`() async throws {
        try await withDatabase { database in
            let migrator = try migrator(files, on: database)
            _ = try await migrator.up(to: .version(version(2)))
            let gate = try await enter(database, release: 11)
            try await database.connect { connection in
                // As if the contract had been applied in the moment without a registration.
                try await connection.execute(
                    script: "UPDATE migrate_history SET requires_release = 12 WHERE version = 2"
                )
                let service = try #require(try await migrator.services().first)
                try await connection.query("SELECT pg_terminate_backend(\(service.processID), 10000)")
            }
            try await waitUntil { gate.failure != nil }
            #expect(gate.failure?.code == .schemaAhead)
            await gate.leave()
        }
    }

    @Test(arguments: ["requires-release", "requires-release=0", "requires-release=x", "requires-release=99999999999"])
    func `a release that is none is refused with its place`(directive: String) throws {
        do {
            _ = try MigrationSource(files: ["0001_a/up.sql": "-- migrate: \(directive)\nSELECT 1"])
            Issue.record("it was taken")
        } catch {
            #expect(error.code == .invalidDirective)
            #expect(error.location?.line == 1)
        }
    }
}
