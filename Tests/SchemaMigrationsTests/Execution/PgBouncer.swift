import EphemeralPostgres
import Foundation
import Glibc
import Postgres
import TestSupport

/// PgBouncer in transaction mode in front of a database.
enum PgBouncer {
    static let program = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].map { "\($0)/pgbouncer" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    /// Lends how to reach the database through it.
    static func with(_ database: TestDatabase, _ body: (PostgresConfiguration) async throws -> Void) async throws {
        guard let program else { return }
        let folder = URL(filePath: "/tmp/migrations-pooler-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "pgbouncer.ini").path()
        try settings(database, folder).write(toFile: file, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        // Ends with its input, also when this process is killed.
        let script = #""$@" & read -r _; kill -KILL "$!""#
        process.arguments =
            try ["-c", script, "sh"] + user(of: database.server, owning: folder) + [program, "--quiet", file]
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let input = Pipe()
        process.standardInput = input
        try process.run()
        defer { try? input.fileHandleForWriting.close() }
        let socket = folder.appending(path: ".s.PGSQL.6432").path()
        try await waitUntil { FileManager.default.fileExists(atPath: socket) }
        let place = "host=\(folder.path()) port=6432"
        try await body(try PostgresConfiguration("\(place) user=postgres dbname=\(database.name)"))
    }

    private static func settings(_ database: TestDatabase, _ folder: URL) -> String {
        """
        [databases]
        * = host=\(database.server.socketDirectory) port=\(database.server.port) user=postgres
        [pgbouncer]
        unix_socket_dir = \(folder.path())
        listen_port = 6432
        auth_type = any
        pool_mode = transaction
        default_pool_size = 8
        logfile = \(folder.appending(path: "log").path())
        """
    }

    /// It does not run as root: as the owner of the server's files, who gets the folder.
    private static func user(of server: EphemeralServer, owning folder: URL) throws -> [String] {
        guard geteuid() == 0 else { return [] }
        let attributes = try FileManager.default.attributesOfItem(atPath: server.socketDirectory)
        let user = (attributes[.ownerAccountID] as? NSNumber)?.uint32Value ?? 0
        let group = (attributes[.groupOwnerAccountID] as? NSNumber)?.uint32Value ?? 0
        _ = chown(folder.path(), user, group)
        return ["setpriv", "--reuid=\(user)", "--regid=\(group)", "--clear-groups"]
    }
}
