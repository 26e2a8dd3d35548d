import EphemeralPostgres
import Postgres
import SchemaMigrations

/// The server that one benchmark at a time has to itself, and what was asked for.
struct Stage: Sendable {
    let server: EphemeralServer
    private let rounds: Int?
    /// Of the flagship's tables.
    let rows: [Int]

    static func withStage<R>(
        rounds: Int?,
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

    /// How often each side takes its turn: as often as was asked for, or as is usual.
    func turns(_ usual: Int = 7) -> Int { rounds ?? usual }

    func program(_ name: String) -> String { "\(server.programs.directory)/\(name)" }

    func connectionString(_ database: String) -> String { server.connectionString(database: database) }

    /// Drops all databases but the one that most benchmarks begin with a copy of.
    func tidy() async throws {
        let postgres = try PostgresConfiguration(connectionString("postgres"))
        let names = try await PostgresConnection.withConnection(to: postgres) { connection in
            try await connection.query(
                """
                SELECT datname::text FROM pg_database
                WHERE NOT datistemplate AND datname NOT IN ('postgres', \(Self.template))
                """
            ).map { try $0.decode(String.self) }
        }
        for name in names { try await server.dropDatabase(name) }
        try await run("CHECKPOINT", in: postgres)
    }

    /// A new database, at the newest version, with so many VMMs in its table.
    func makeVMMs(_ count: Int = usualCount, failedOneIn: Int = 20) async throws -> VMMTable {
        let database = Self.database(count)
        if count == Self.usualCount {
            if try await !hasTemplate() { try await fill(Self.template, count, failedOneIn: failedOneIn) }
            try await server.createDatabase(database, template: Self.template)
        } else {
            try await fill(database, count, failedOneIn: failedOneIn)
        }
        let configuration = try PostgresConfiguration(connectionString(database))
        try await run("CHECKPOINT", in: configuration)
        return try await VMMTable.open(configuration, connectionString(database), rows: count)
    }

    static let usualCount = 200_000
    private static let template = "usual_vmms"

    private func hasTemplate() async throws -> Bool {
        let postgres = try PostgresConfiguration(connectionString("postgres"))
        return try await PostgresConnection.withConnection(to: postgres) { connection in
            try await connection.query("SELECT 1 FROM pg_database WHERE datname = \(Self.template)").count == 1
        }
    }

    private func fill(_ database: String, _ count: Int, failedOneIn: Int) async throws {
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
        try await run("VACUUM ANALYZE vmm", in: configuration)
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

    func dropVMMs(_ count: Int = usualCount) async throws { try await server.dropDatabase(Self.database(count)) }

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
