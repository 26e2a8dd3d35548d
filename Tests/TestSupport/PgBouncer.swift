public import EphemeralPostgres
import Foundation
import Glibc
public import Postgres

/// PgBouncer in transaction mode in front of a server.
public actor PgBouncer {
    /// Where the program is; nil when it is not installed.
    public static let program = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].map { "\($0)/pgbouncer" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    /// How to reach the database through it.
    public nonisolated let configuration: PostgresConfiguration
    /// Its Unix socket.
    public nonisolated let socket: String
    private let arguments: [String]
    private var process: Process?
    private var input: Pipe?

    private init(_ server: EphemeralServer, _ database: String, _ folder: URL, program: String, poolSize: Int) throws {
        let file = folder.appending(path: "pgbouncer.ini").path()
        try Self.settings(server, folder, poolSize).write(toFile: file, atomically: true, encoding: .utf8)
        // Ends with its input, also when this process is killed.
        let script = #""$@" & read -r _; kill -KILL "$!""#
        arguments = try ["-c", script, "sh"] + Self.user(of: server, owning: folder) + [program, "--quiet", file]
        socket = folder.appending(path: ".s.PGSQL.6432").path()
        configuration = try PostgresConfiguration("host=\(folder.path()) port=6432 user=postgres dbname=\(database)")
    }

    /// Lends a pooler of a test's database; without the program nothing is run.
    ///
    /// - Throws: what `body` throws, or when it cannot be started.
    public static func with(
        _ database: TestDatabase,
        poolSize: Int = 8,
        _ body: (PgBouncer) async throws -> Void
    ) async throws {
        try await with(database.server, database: database.name, poolSize: poolSize, body)
    }

    /// Lends a pooler of a database of a server; without the program nothing is run.
    ///
    /// - Throws: what `body` throws, or when it cannot be started.
    public static func with(
        _ server: EphemeralServer,
        database: String,
        poolSize: Int = 8,
        _ body: (PgBouncer) async throws -> Void
    ) async throws {
        guard let program else { return }
        let folder = URL(filePath: "/tmp/test-pooler-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let pooler = try PgBouncer(server, database, folder, program: program, poolSize: poolSize)
        do {
            try await pooler.start()
            try await body(pooler)
            try await pooler.kill()
        } catch {
            try? await pooler.kill()
            throw error
        }
    }

    /// Kills the program, with all connections through it, and starts it again.
    ///
    /// - Throws: when it does not come up.
    public func bounce() async throws {
        try await kill()
        try await start()
    }

    private func start() async throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let input = Pipe()
        process.standardInput = input
        try process.run()
        self.process = process
        self.input = input
        // The socket is there before anybody listens at it.
        while true {
            do {
                return try await PostgresConnection.connect(to: configuration).close()
            } catch  where process.isRunning {
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    private func kill() async throws {
        try input?.fileHandleForWriting.close()
        input = nil
        while process?.isRunning == true { try await Task.sleep(for: .milliseconds(5)) }
        process = nil
        // Whoever connects from now on meets the next one.
        try FileManager.default.removeItem(atPath: socket)
    }

    private static func settings(_ server: EphemeralServer, _ folder: URL, _ poolSize: Int) -> String {
        """
        [databases]
        * = host=\(server.socketDirectory) port=\(server.port) user=postgres
        [pgbouncer]
        unix_socket_dir = \(folder.path())
        listen_port = 6432
        auth_type = any
        pool_mode = transaction
        default_pool_size = \(poolSize)
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
