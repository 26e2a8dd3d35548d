import EphemeralPostgres
import Foundation
import Postgres
import SchemaMigrations
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// Files of every layout, applied by us and by psql, must leave the same database.
@Suite struct PsqlComparisonTests {
    @Test(arguments: MigrationLayout.allCases.filter { $0 != .folders })
    func `files of another tool end in the database that psql makes`(_ layout: MigrationLayout) async throws {
        let corpus = NastySQL.corpus(rounds: 4, shift: try #require(MigrationLayout.allCases.firstIndex(of: layout)))
        var files: [String: String] = [:]
        for (index, sql) in corpus.enumerated() {
            let (path, text) = Self.wrap(sql, index + 1, layout)
            files[path] = text
        }
        try await compare(files, corpus, layout)
    }

    @Test func `the files run few by few, as they were released, end in the same database`() async throws {
        let corpus = NastySQL.corpus(rounds: 1, shift: 0)
        try await withDatabase { ours in
            try await withDatabase { theirs in
                for count in stride(from: corpus.count % 4, through: corpus.count, by: 4) {
                    let files = corpus.prefix(count).enumerated().map { Self.wrap($1, $0 + 1, .golangMigrate) }
                    let source = Dictionary(uniqueKeysWithValues: files)
                    _ = try await migrator(source, on: ours).up()
                }
                try await runPsql(corpus, on: theirs)
                #expect(try await dump(ours) == dump(theirs))
            }
        }
    }

    @Test func `syntax that only a newer server knows reaches the server`() async throws {
        let files = ["1_a.up.sql": "CREATE TABLE n (\n  a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL\n);"]
        let step = try #require(try MigrationSource(files: files).migrations.first?.steps.first)
        #expect(try step.inspect().notes.map(\.location.description) == ["1_a.up.sql:2:44"])
        try await withDatabase { database in
            try await database.connect { connection in
                let version: Int32 = try await connection.value("SELECT current_setting('server_version_num')::int")
                let error = try await failure(try migrator(files, on: database))
                #expect(try await connection.hasTable("n") == (version >= 180_000))
                guard version < 180_000 else { return }
                #expect(error?.code == .sqlFailed)
                #expect(error?.location?.description == "1_a.up.sql:2:44")
            }
        }
    }

    private func compare(_ files: [String: String], _ corpus: [String], _ layout: MigrationLayout) async throws {
        try await withDatabase { ours in
            try await withDatabase { theirs in
                let migrator = try migrator(files, on: ours)
                #expect(migrator.source.layout == layout)
                _ = try await migrator.up()
                #expect(try await migrator.status().state == .upToDate)
                try await runPsql(corpus, on: theirs)
                let (left, right) = (try await dump(ours), try await dump(theirs))
                #expect(left.count > 5 * corpus.count)
                #expect(left == right)
            }
        }
    }

    /// A file's name and text, as the tool would have it.
    private static func wrap(_ sql: String, _ number: Int, _ layout: MigrationLayout) -> (path: String, text: String) {
        let padded = String(20_260_301_120_000 + number)
        let name = "change_\(number)"
        return switch layout {
        case .folders, .golangMigrate: ("\(padded)_\(name).up.sql", sql)
        case .dbmate:
            (
                "\(padded)_\(name).sql",
                "-- migrate:up transaction:false\n\(sql.trimmingPrefix("\u{FEFF}"))\n-- migrate:down\nSELECT 'no';\n"
            )
        case .diesel: ("2026-03-01-\(120_000 + number)_\(name)/up.sql", sql)
        case .prisma: ("\(padded)_\(name)/migration.sql", sql)
        case .flyway: ("V\(number / 10).\(number % 10)__\(name).sql", sql)
        }
    }

    /// Each file in a session of its own, as if psql were started for each.
    private func runPsql(_ corpus: [String], on database: TestDatabase) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "psql-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var arguments = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.connectionString]
        for (index, sql) in corpus.enumerated() {
            let file = folder.appending(path: "\(index).sql")
            try Data(sql.utf8).write(to: file)
            arguments += ["-c", "\\connect", "-f", file.path()]
        }
        _ = try await run("psql", arguments, database)
    }

    /// Schema and rows as lines, without the bookkeeping and without the random keys of psql's guards.
    private func dump(_ database: TestDatabase) async throws -> [String] {
        let arguments = ["--exclude-table=public.migrate_*", "--inserts", "-d", database.connectionString]
        let text = try await run("pg_dump", arguments, database)
        return text.split(separator: "\n").filter { !$0.hasPrefix("\\") && !$0.hasPrefix("--") }.map(String.init)
    }

    private func run(_ program: String, _ arguments: [String], _ database: TestDatabase) async throws -> String {
        let result = try await Subprocess.run(
            .path(FilePath("\(database.server.programs.directory)/\(program)")),
            arguments: .init(arguments),
            output: .string(limit: 1 << 24),
            error: .string(limit: 1 << 20)
        )
        try #require(result.terminationStatus.isSuccess, "\(program): \(result.standardError)")
        return result.standardOutput
    }
}
