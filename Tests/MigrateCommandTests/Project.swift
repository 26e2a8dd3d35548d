import Foundation
import Postgres
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// What a run of the program left.
struct Finished {
    let status: TerminationStatus
    let output: String
    let errorOutput: String

    /// The exit code; nil when a signal ended the program.
    var exitCode: Int32? {
        if case .exited(let code) = status { code } else { nil }
    }

    /// The objects of JSON lines.
    var jsonLines: [[String: Any]] {
        get throws {
            try output.split(separator: "\n").map { line in
                try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            }
        }
    }

    /// The one object that the output is.
    var json: [String: Any] {
        get throws { try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]) }
    }
}

/// A folder with migrations, and a database of its own.
struct Project {
    let folder: String
    let database: TestDatabase

    /// Runs `body` with a new project; folder and database are removed afterwards.
    static func with<Result>(
        _ migrations: [String: String] = [:],
        _ body: (Project) async throws -> Result
    ) async throws -> Result {
        try await withFolder { folder in
            try await withDatabase { database in
                let project = Project(folder: folder, database: database)
                for (path, text) in migrations { try project.write(path, text) }
                return try await body(project)
            }
        }
    }

    /// Writes a file below `migrations`.
    func write(_ path: String, _ text: String) throws {
        let url = URL(fileURLWithPath: "\(folder)/migrations/\(path)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    /// Runs the program in the project's folder, on its database.
    func migrate(_ arguments: [String]) async throws -> Finished {
        let environment = ["MIGRATE_DATABASE_URL": database.connectionString]
        return try await runMigrate(arguments, in: folder, environment: environment)
    }

    func migrate(_ arguments: String..., during body: (Int32) async throws -> Void = { _ in }) async throws -> Finished
    {
        let environment = ["MIGRATE_DATABASE_URL": database.connectionString]
        return try await runMigrate(arguments, in: folder, environment: environment, during: body)
    }

    /// Runs `body` with a session of its own on the database.
    func withSession<Result>(_ body: (PostgresConnection) async throws -> Result) async throws -> Result {
        let configuration = try PostgresConfiguration(database.connectionString)
        return try await PostgresConnection.withConnection(to: configuration, body)
    }

    /// The texts that a query answers.
    func texts(_ sql: String) async throws -> [String] {
        try await withSession { session in
            try await session.query(PostgresQuery(unsafeSQL: sql)).map { try $0.decode(at: 0, as: String.self) }
        }
    }

    /// Runs statements.
    func execute(_ sql: String) async throws {
        try await withSession { _ = try await $0.execute(script: sql) }
    }

    /// The number that a query answers.
    func number(_ sql: String) async throws -> Int64 {
        try await withSession { try await $0.query(PostgresQuery(unsafeSQL: sql)).one().decode(at: 0) }
    }

    /// Waits until a query answers true; the limit is far beyond what it takes.
    func eventually(_ sql: String) async throws {
        try await withSession { session in
            for _ in 0..<1200 {
                if try await session.query(PostgresQuery(unsafeSQL: sql)).one().decode(at: 0, as: Bool.self) { return }
                try await Task.sleep(for: .milliseconds(50))
            }
            Issue.record("never true: \(sql)")
        }
    }
}

/// Runs `body` with a new folder, which is removed afterwards.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("migrate-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    return try await body(url.path)
}

/// Runs the program that was built beside this one, with nothing in its environment that names a database.
func runMigrate(
    _ arguments: [String],
    in folder: String,
    environment: [String: String] = [:],
    during body: (Int32) async throws -> Void = { _ in }
) async throws -> Finished {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let program = URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("migrate").path
    var changes: [Environment.Key: String?] = [:]
    let inherited = ProcessInfo.processInfo.environment.keys.filter {
        $0.hasPrefix("PG") || $0.hasSuffix("DATABASE_URL")
    }
    for name in inherited { changes.updateValue(nil, forKey: try #require(Environment.Key(rawValue: name))) }
    for (name, value) in environment { changes[try #require(Environment.Key(rawValue: name))] = value }
    let result = try await Subprocess.run(
        .path(FilePath(program)),
        arguments: Arguments(arguments),
        environment: .inherit.updating(changes),
        workingDirectory: FilePath(folder),
        input: .none,
        output: .string(limit: 1 << 20),
        error: .string(limit: 1 << 20)
    ) { execution in
        try await body(execution.processIdentifier.value)
    }
    return Finished(
        status: result.terminationStatus,
        output: result.standardOutput,
        errorOutput: result.standardError
    )
}

/// Migrations that most tests need no more than.
enum Samples {
    static let notes = "CREATE TABLE notes (id bigint PRIMARY KEY, body text)"
    static let two = ["0001_notes/up.sql": notes, "0002_title/up.sql": "ALTER TABLE notes ADD COLUMN title text"]

    static let contract = "-- migrate: phase=contract\nALTER TABLE notes DROP COLUMN body"
}
