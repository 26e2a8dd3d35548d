import EphemeralPostgres
import Foundation
import Postgres
import SchemaMigrations

/// Version 2 on a large table, while four writers of the previous release are at work.
///
/// `flagship [ROWS]` prints a line for people and one line of JSON; 500,000 rows by default.
@main
struct Flagship {
    static func main() async throws {
        guard let rows = Int(CommandLine.arguments.dropFirst().first ?? "500000"), rows > 0 else {
            FileHandle.standardError.write(Data("usage: flagship [ROWS]\n".utf8))
            exit(64)
        }
        var options = EphemeralServer.Options()
        options.durable = true
        let result = try await EphemeralServer.withServer(options) { server in
            try await Flagship(server: server, rows: rows).run()
        }
        print(result.line)
        print(String(decoding: try JSONEncoder.stable.encode(result), as: UTF8.self))
        if result.errors > 0 || result.migrationMS > Writers.seconds * 1000 { exit(1) }
    }

    let server: EphemeralServer
    let rows: Int

    private func run() async throws -> Measurement {
        let database = server.connectionString(database: "postgres")
        let configuration = try PostgresConfiguration(database)
        let migrator = Migrator(source: try MigrationSource.load(from: Repository.migrations), database: configuration)
        guard let first = migrator.source.migrations.first?.version,
            let second = migrator.source.migrations.dropFirst().first?.version
        else { throw CocoaError(.fileReadCorruptFile) }
        _ = try await migrator.up(to: .version(first))
        let load = try Repository.loadScript(rows: rows)
        try await PostgresConnection.withConnection(to: configuration) { connection in
            _ = try await connection.execute(script: load)
            _ = try await connection.execute(script: "CHECKPOINT")
        }
        let writers = Writers(pgbench: "\(server.programs.directory)/pgbench", database: database)
        let without = try await writers.write()
        async let work = writers.write()
        try await Task.sleep(for: .seconds(2))
        let clock = ContinuousClock.now
        let result = try await migrator.up(to: .version(second))
        let milliseconds = (ContinuousClock.now - clock) / .milliseconds(1)
        let with = try await work
        return Measurement(
            rows: rows,
            migrationMS: milliseconds,
            longestLockMS: result.longestLockHeldMilliseconds ?? 0,
            longestTurnWithoutMS: without.longestTurn,
            longestTurnWithMS: with.longestTurn,
            turns: with.turns,
            errors: without.errors + with.errors
        )
    }
}

/// What was measured; times in milliseconds.
struct Measurement: Codable {
    let rows: Int
    let migrationMS: Double
    let longestLockMS: Double
    let longestTurnWithoutMS: Double
    let longestTurnWithMS: Double
    let turns: Int
    let errors: Int

    var line: String {
        func text(_ milliseconds: Double) -> String { String(format: "%.1f ms", milliseconds) }
        return "| \(rows) rows | version 2: \(text(migrationMS)) | longest lock: \(text(longestLockMS)) "
            + "| longest turn of \(turns): \(text(longestTurnWithMS)) (\(text(longestTurnWithoutMS)) without) "
            + "| errors: \(errors) |"
    }
}

extension JSONEncoder {
    /// One line, always in the same order.
    static var stable: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return encoder
    }
}

/// Files of the package beside this one.
enum Repository {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
        .standardizedFileURL

    static let migrations = root.appending(path: "migrations").path(percentEncoded: false)
    static let writer = root.appending(path: "scripts/sql/previous-release-writer.sql").path(percentEncoded: false)

    /// The script that loads 100,000 VMMs, for another number of them.
    static func loadScript(rows: Int) throws -> String {
        let script = try String(
            contentsOf: root.appending(path: "scripts/sql/previous-release-load.sql"),
            encoding: .utf8
        )
        return script.replacing("generate_series(1, 100000)", with: "generate_series(1, \(rows))")
    }
}
