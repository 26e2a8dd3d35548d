import Foundation
import Postgres
import Subprocess
import SystemPackage
import TestSupport

extension `The command vmmdb` {
    struct RunResult {
        let exitCode: Int32
        let output: String
        let error: String

        var lines: [Substring] { output.split(separator: "\n") }
    }

    /// The products of the build lie beside the bundle of the tests.
    private static let binary: String = {
        let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        return folder.appending(path: "vmmdb").path
    }()

    /// What sanitizers go by, the search path for their symbolizer; nothing else, which could name a database.
    private static let sanitizerEnvironment = ProcessInfo.processInfo.environment.filter {
        $0.key.hasSuffix("SAN_OPTIONS") || $0.key == "PATH"
    }

    func run(_ arguments: String...) async throws -> RunResult {
        try await run(arguments)
    }

    func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> RunResult {
        let all = Self.sanitizerEnvironment.merging(environment) { _, own in own }
        let variables = all.map { (Environment.Key(stringLiteral: $0.key), $0.value) }
        let result = try await Subprocess.run(
            .path(FilePath(Self.binary)),
            arguments: Arguments(arguments),
            environment: .custom(Dictionary(uniqueKeysWithValues: variables)),
            workingDirectory: FilePath(FileManager.default.temporaryDirectory.path),
            output: .string(limit: 1 << 22),
            error: .string(limit: 1 << 20)
        )
        guard case .exited(let code) = result.terminationStatus else {
            throw UnexpectedEnd(status: "\(result.terminationStatus)")
        }
        return RunResult(exitCode: code, output: result.standardOutput, error: result.standardError)
    }

    private struct UnexpectedEnd: Error {
        let status: String
    }

    func execute(_ sql: String, on url: String) async throws {
        try await PostgresConnection.withConnection(to: try PostgresConfiguration(url)) { connection in
            _ = try await connection.execute(script: sql)
        }
    }

    /// The same database as with ``withVMMs``, reached directly and through PgBouncer in transaction mode.
    func withPooledVMMs(_ body: (_ direct: String, _ pooled: String) async throws -> Void) async throws {
        try await withDatabase { database in
            let url = database.connectionString
            for sql in try migrationSteps(through: 2) { try await execute(sql, on: url) }
            try await execute(Self.rows, on: url)
            try await PgBouncer.with(database) { pooler in
                let folder = pooler.socket.prefix { $0 != "." }
                try await body(url, "host=\(folder) port=6432 user=postgres dbname=\(database.name)")
            }
        }
    }

    /// Runs `body` with a database that has a running, a failed and a deleted VMM.
    func withVMMs(through version: Int = 2, _ body: (String) async throws -> Void) async throws {
        try await withDatabase { database in
            let url = database.connectionString
            for sql in try migrationSteps(through: version) { try await execute(sql, on: url) }
            if version >= 2 { try await execute(Self.rows, on: url) }
            try await body(url)
        }
    }

    private static let rows = """
        INSERT INTO vmm (id, time_created, time_deleted, instance_id, time_state_updated, state_generation, sled_id,
          propolis_ip, state, cpu_platform, failure_reason)
        VALUES
          ('\(running)', '2026-08-21 11:00Z', NULL, gen_random_uuid(), '2026-08-21 12:00:00.000001Z', 4, '\(sled)',
            'fd00::1', 'running', 'amd_milan', NULL),
          ('\(failed)', '2026-08-21 11:00Z', NULL, gen_random_uuid(), '2026-08-21 12:00Z', 5, gen_random_uuid(),
            '10.0.0.1', 'failed', 'amd_turin', 'sled_off'),
          ('\(deleted)', '2026-08-21 11:00Z', '2026-08-22Z', gen_random_uuid(), '2026-08-21 12:00Z', 6,
            gen_random_uuid(), 'fd00::2', 'failed', 'sled_default', 'prehistoric')
        """

    private func migrationSteps(through version: Int) throws -> [String] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "migrations")
        return try FileManager.default.contentsOfDirectory(atPath: root.path).sorted()
            .filter { Int($0.prefix(4)).map { $0 <= version } ?? false }
            .flatMap { folder in
                try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path).sorted()
                    .filter { $0.hasSuffix(".sql") && $0 != "down.sql" && $0 != "verify.sql" }
                    .map { try String(contentsOf: root.appending(path: "\(folder)/\($0)"), encoding: .utf8) }
            }
    }
}
