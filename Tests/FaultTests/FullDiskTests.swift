import EphemeralPostgres
import Foundation
import Glibc
import Postgres
import SchemaMigrations
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// A file system that fills up under a migration.
@Suite struct FullDiskTests {
    /// `scripts/test --faults` runs the tests in a namespace of mounts of their own where it may, and says so.
    private static let mayMount = ProcessInfo.processInfo.environment["FAULT_MAY_MOUNT"] == "1"

    @Test(.enabled(if: mayMount, "needs root and a namespace of mounts, as scripts/test --faults makes one"))
    func `a migration that fills the disk stops with the reason, and goes on when there is space`() async throws {
        try await EphemeralServer.withServer { server in
            try await withSmallDisk(of: server) { folder in
                let configuration = try PostgresConfiguration(server.connectionString(database: "postgres"))
                let source = try Laboratory.source(rows: 20_000)
                try await PostgresConnection.withConnection(to: configuration) { connection in
                    _ = try await connection.execute(script: "CREATE DATABASE expected")
                    try await connection.query(
                        "CREATE TABLESPACE small LOCATION \(unsafeSQL: PostgresQuery.quote(literal: folder))"
                    )
                    _ = try await connection.execute(script: "CREATE DATABASE full_disk TABLESPACE small")
                }
                try fill(folder, but: 1_000_000)
                let expected = try PostgresConfiguration(server.connectionString(database: "expected"))
                _ = try await Laboratory.migrator(source, expected, batchPages: 16).up()
                let database = try PostgresConfiguration(server.connectionString(database: "full_disk"))
                let stops = try await runUntilDone(source, database, ballast: ballast(in: folder))
                #expect(stops > 0, "the disk was never full")
                #expect(try await DatabaseState.read(database) == DatabaseState.read(expected))
                FaultRun.tell(
                    "full disk under a migration",
                    "stopped \(stops) times with SQLSTATE 53100, went on when there was space, same schema and rows"
                )
            }
        }
    }

    /// Runs again and again with a little more space each time; how often the disk was full.
    private func runUntilDone(
        _ source: MigrationSource,
        _ database: PostgresConfiguration,
        ballast: String
    ) async throws -> Int {
        var stops = 0
        while true {
            switch try await outcome({ try await Laboratory.migrator(source, database, batchPages: 16).up() }) {
            case .success: return stops
            case .failure(let error):
                let cause = error.underlying as? PostgresError
                #expect(cause?.sqlState == SQLState(rawValue: "53100"), "\(error)")
                #expect("\(error)".contains("(SQLSTATE 53100)"), "\(error)")
                stops += 1
                let size = try #require(FileManager.default.attributesOfItem(atPath: ballast)[.size] as? Int)
                try #require(size > 0)
                truncate(ballast, max(0, size - 1_000_000))
            }
        }
    }

    private func ballast(in folder: String) -> String {
        "\(folder)/../ballast"
    }

    /// Leaves so many bytes free.
    private func fill(_ folder: String, but free: Int) throws {
        var status = statvfs()
        try #require(statvfs(folder, &status) == 0)
        let available = Int(status.f_bavail) * Int(status.f_frsize)
        try Data(count: max(0, available - free)).write(to: URL(filePath: ballast(in: folder)))
    }

    /// Lends a folder of the server's on a small file system of its own.
    private func withSmallDisk(of server: EphemeralServer, _ body: (String) async throws -> Void) async throws {
        let attributes = try FileManager.default.attributesOfItem(atPath: server.dataDirectory)
        let owner = try #require(attributes[.ownerAccountID] as? NSNumber)
        let folder = "/tmp/full-disk-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await run("mount", ["-t", "tmpfs", "-o", "size=64m,uid=\(owner),mode=700", "none", folder])
        do {
            let space = "\(folder)/space"
            try FileManager.default.createDirectory(atPath: space, withIntermediateDirectories: false)
            chown(space, owner.uint32Value, 0)
            try await body(space)
        } catch {
            try? await run("umount", ["-l", folder])
            throw error
        }
        try await run("umount", ["-l", folder])
    }

    private func run(_ program: String, _ arguments: [String]) async throws {
        let result = try await Subprocess.run(
            .name(program),
            arguments: Arguments(arguments),
            output: .discarded,
            error: .discarded
        )
        try #require(result.terminationStatus.isSuccess, "\(program) failed")
    }
}
