import EphemeralPostgres
import Postgres
import SchemaMigrations

/// The server that a benchmark has to itself, and what was asked for.
struct Stage: Sendable {
    let server: EphemeralServer
    let rounds: Int
    /// Of the flagship's tables.
    let rows: [Int]

    static func withStage<R>(
        rounds: Int,
        rows: [Int],
        isDurable: Bool,
        _ body: (Stage) async throws -> R
    ) async throws -> R {
        var options = EphemeralServer.Options()
        options.durable = isDurable
        options.maxConnections = 200
        // One that is durable is sized as a small production server: the defaults would measure its checkpoints.
        options.settings =
            isDurable
            ? ["shared_buffers": "1GB", "max_wal_size": "8GB"] : ["shared_buffers": "512MB", "autovacuum": "off"]
        return try await EphemeralServer.withServer(options) { server in
            try await body(Stage(server: server, rounds: rounds, rows: rows))
        }
    }

    func program(_ name: String) -> String { "\(server.programs.directory)/\(name)" }

    func connectionString(_ database: String) -> String { server.connectionString(database: database) }

    /// A new database, at the newest version, with so many VMMs in its table.
    func makeVMMs(_ count: Int = 200_000, failedOneIn: Int = 20) async throws -> VMMTable {
        let database = Self.database(count)
        try await server.createDatabase(database)
        let configuration = try PostgresConfiguration(connectionString(database))
        let migrator = Migrator(
            source: try MigrationSource.load(from: Repository.path("migrations")),
            database: configuration
        )
        // The script's rows are of the previous release.
        guard let first = migrator.source.migrations.first?.version else {
            throw Programs.Failure(description: "no migrations")
        }
        _ = try await migrator.up(to: .version(first))
        try await load(count, failedOneIn: failedOneIn, in: configuration)
        _ = try await migrator.up(phase: .all)
        try await run("VACUUM ANALYZE vmm; CHECKPOINT", in: configuration)
        return try await VMMTable.open(configuration, connectionString(database), rows: count)
    }

    /// Fills the table with VMMs of the previous release, one of so many failed; its indexes are made behind it.
    ///
    /// By two sessions, each half of them: what many rows take is the server's processor time.
    func load(_ rows: Int, failedOneIn: Int, in configuration: PostgresConfiguration) async throws {
        let halves = rows < 2 ? [1...rows] : [1...rows / 2, rows / 2 + 1...rows]
        let scripts = try halves.map { try Repository.loadScript(rows: $0, failedOneIn: failedOneIn) }
        try await PostgresConnection.withConnection(to: configuration) { connection in
            let indexes = try await connection.query(
                """
                SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
                WHERE indrelid = 'vmm'::regclass AND NOT indisprimary
                """
            ).map { try $0.decode(String.self, String.self) }
            for (name, _) in indexes { try await connection.execute(script: "DROP INDEX \(name)") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for script in scripts {
                    group.addTask {
                        try await PostgresConnection.withConnection(to: configuration) {
                            _ = try await $0.execute(script: script)
                        }
                    }
                }
                try await group.waitForAll()
            }
            for (_, definition) in indexes { try await connection.execute(script: definition) }
        }
    }

    func dropVMMs(_ count: Int) async throws { try await server.dropDatabase(Self.database(count)) }

    private static func database(_ count: Int) -> String { "vmms_\(count)" }

    /// Makes an empty database in the place of one that may be there.
    func makeEmptyDatabase(_ name: String) async throws -> String {
        try await server.dropDatabase(name)
        try await server.createDatabase(name)
        return name
    }

    /// As programs in Go want it.
    func url(_ database: String) -> String {
        "postgres://\(server.userName)@/\(database)?socket=\(server.socketDirectory)&sslmode=disable"
    }

    /// Runs statements one by one.
    func run(_ script: String, in configuration: PostgresConfiguration) async throws {
        try await PostgresConnection.withConnection(to: configuration) { connection in
            for statement in script.split(separator: ";") {
                _ = try await connection.execute(script: String(statement))
            }
        }
    }
}
