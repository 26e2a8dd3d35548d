import FoundationEssentials
import Glibc
import Synchronization

/// A private PostgreSQL server that lives no longer than this process.
///
/// Each server has a new, empty cluster in a temporary folder of its own, and is reached through a Unix socket there.
/// A supervising shell ends it and removes the folder when the server is removed or released, or when this process
/// ends, in whatever way: `kill -9` included.
///
/// ```swift
/// let server = try await EphemeralServer.start()
/// let connection = server.connectionString(database: "postgres")
/// // …
/// try await server.remove()
/// ```
///
/// For root the server runs as another user (`postgres`, else `nobody`), since PostgreSQL refuses to run as root.
public final class EphemeralServer: Sendable {
    /// How a server is set up.
    public struct Options: Sendable {
        /// The directory of PostgreSQL's programs; `nil` finds one, see ``ServerPrograms/find(in:)``.
        public var programsDirectory: String?
        /// Where the server's folder is made; `nil` for `TMPDIR`.
        ///
        /// `/tmp` is used instead where this one is missing, out of reach for the server's user, or too long for a socket.
        public var temporaryDirectory: String?
        /// Whether the server listens on a free port of 127.0.0.1 too, where it asks for a password.
        public var listensOnTCP = false
        /// PostgreSQL's `max_connections`.
        public var maxConnections = 100
        /// Whether the server keeps PostgreSQL's own settings for durability and memory.
        ///
        /// By default it does not wait for the disk: faster, and as good for data that nobody will miss.
        public var durable = false
        /// Further lines of `postgresql.conf`; they win over everything else.
        public var settings: [String: String] = [:]

        /// The options of a server for tests: not durable, 100 connections, Unix socket only.
        public init() {}
    }

    /// How a server is stopped.
    public enum StopMode: String, Sendable {
        /// Sessions are ended and their transactions rolled back; the data is flushed.
        case fast
        /// As after a crash: the next start recovers from the log.
        ///
        /// A server with the fast settings may lose its last commits then; `synchronous_commit` or ``Options/durable``
        /// keeps them.
        case immediate

        fileprivate var signal: String {
            switch self {
            case .fast: "INT"
            case .immediate: "QUIT"
            }
        }
    }

    /// The programs that the server was made with.
    public let programs: ServerPrograms
    /// The folder of the Unix socket, for libpq's `host`.
    public let socketDirectory: String
    /// The port: part of the socket's name, and the TCP port where the server listens on one.
    public let port: Int
    /// The superuser's name; through the socket it needs no password.
    public let userName = "postgres"
    /// The cluster's data directory.
    public let dataDirectory: String
    /// The server's log.
    public let logFile: String

    private let folder: ServerFolder
    private let user: ServerUser
    private let supervisor: Supervisor
    private let password: String
    private let listensOnTCP: Bool
    private let runningProcess = Mutex<Int32?>(nil)

    /// The process identifier of the running postmaster, for signals such as SIGSTOP; `nil` while the server is stopped.
    public var processID: Int32? { runningProcess.withLock { $0 } }

    private init(
        options: Options,
        programs: ServerPrograms,
        folder: ServerFolder,
        user: ServerUser,
        port: Int
    ) throws {
        self.programs = programs
        self.folder = folder
        self.user = user
        self.port = port
        socketDirectory = folder.socketDirectory
        dataDirectory = folder.data
        logFile = folder.log
        listensOnTCP = options.listensOnTCP
        password = String((0..<32).map { _ in "0123456789abcdef".randomElement() ?? "0" })
        let configuration = try Self.settings(options, folder: folder, port: port).configuration()
        supervisor = try Supervisor(
            arguments: [programs.directory, folder.path, String(port), configuration],
            user: user,
            folder: folder.path
        )
    }

    deinit { supervisor.end() }

    /// Creates a cluster and starts its server; returns when it accepts connections.
    ///
    /// - Throws: ``PostgresServerError``: no server programs, no folder or user to run it, a setting that the server
    ///   refuses (with the end of its log). Nothing is left behind then.
    public static func start(_ options: Options = Options()) async throws -> EphemeralServer {
        let programs = try await ServerPrograms.find(in: options.programsDirectory)
        let user = try ServerUser.preferred()
        let parents = [options.temporaryDirectory, ProcessEnvironment["TMPDIR"], "/tmp"].compactMap(\.self)
        let folder = try await ServerFolder.createTemporary(in: parents, owner: user)
        let server: EphemeralServer
        do {
            let port = options.listensOnTCP ? try LoopbackPort.free() : 5432
            server = try EphemeralServer(options: options, programs: programs, folder: folder, user: user, port: port)
        } catch {
            try? await folder.remove(as: user)
            throw error
        }
        do {
            try await server.initialize()
            try await server.resume()
            return server
        } catch {
            try? await server.remove()
            throw error
        }
    }

    /// Runs `body` with a server that is removed afterwards, also when `body` throws.
    ///
    /// - Throws: what ``start(_:)`` and `body` throw.
    public static func withServer<Result>(
        _ options: Options = Options(),
        _ body: (EphemeralServer) async throws -> Result
    ) async throws -> Result {
        let server = try await start(options)
        do {
            let result = try await body(server)
            try await server.remove()
            return result
        } catch {
            try? await server.remove()
            throw error
        }
    }

    /// Stops the server and keeps its data; no error when it is stopped already.
    ///
    /// A postmaster that was stopped by SIGSTOP is continued, and one that does not end within a minute is made to.
    ///
    /// - Throws: ``PostgresServerError`` when the server does not end, or its supervisor has.
    public func stop(mode: StopMode = .fast) async throws {
        guard try await supervisor.ask("stop \(mode.signal)") == "done" else {
            throw failure("the server did not stop")
        }
        runningProcess.withLock { $0 = nil }
    }

    /// Starts a stopped server again on the same data, socket and port; no error when it runs.
    ///
    /// - Throws: ``PostgresServerError/serverFailed(problem:logFile:logTail:)`` when it does not become ready.
    public func resume() async throws {
        guard let processID = Int32(try await supervisor.ask("start")) else {
            runningProcess.withLock { $0 = nil }
            throw failure("the server did not start")
        }
        runningProcess.withLock { $0 = processID }
    }

    /// Stops the server and starts it again.
    ///
    /// - Throws: what ``stop(mode:)`` and ``resume()`` throw.
    public func restart(mode: StopMode = .fast) async throws {
        try await stop(mode: mode)
        try await resume()
    }

    /// Ends the server at once and removes its folder; returns when both are gone.
    ///
    /// - Throws: ``PostgresServerError/fileOperationFailed(operation:path:reason:)`` when the folder cannot be removed.
    public func remove() async throws {
        supervisor.end()
        await supervisor.waitUntilEnded()
        runningProcess.withLock { $0 = nil }
        // Usually gone already, unless the supervisor was killed.
        if FileStatus(path: folder.path) != nil { try await folder.remove(as: user) }
    }

    /// A libpq connection string for one of the server's databases, through the Unix socket.
    public func connectionString(database: String) -> String {
        ConnectionString.keywords([
            ("host", socketDirectory), ("port", String(port)), ("user", userName), ("dbname", database),
        ])
    }

    /// A libpq connection string through TCP, with the password; `nil` unless the server listens there.
    public func connectionStringOverTCP(database: String) -> String? {
        guard listensOnTCP else { return nil }
        return ConnectionString.keywords([
            ("host", "127.0.0.1"), ("port", String(port)), ("user", userName), ("password", password),
            ("dbname", database),
        ])
    }

    /// Creates a database with the `createdb` program.
    ///
    /// - Parameters:
    ///   - name: the name of the new database.
    ///   - template: the database to copy, which nobody may be connected to; `nil` for `template1`.
    /// - Throws: ``PostgresServerError/commandFailed(command:status:output:)`` with the server's message.
    public func createDatabase(_ name: String, template: String? = nil) async throws {
        let options = template.map { ["--template=\($0)"] } ?? []
        try await runClient("createdb", options + ["--maintenance-db=postgres", "--", name])
    }

    /// Drops a database with the `dropdb` program, ending the sessions in it; no error when there is none.
    ///
    /// - Throws: ``PostgresServerError/commandFailed(command:status:output:)`` with the server's message.
    public func dropDatabase(_ name: String) async throws {
        try await runClient("dropdb", ["--if-exists", "--force", "--maintenance-db=postgres", "--", name])
    }

    private func runClient(_ program: String, _ arguments: [String]) async throws {
        let server = ["--host=\(socketDirectory)", "--port=\(port)", "--username=\(userName)"]
        let ourselves = ServerUser(userID: geteuid(), groupID: getegid())
        try await ProgramRunner.runChecked(programs.path(of: program), server + arguments, as: ourselves)
    }

    private func initialize() async throws {
        guard try await supervisor.ask("initialize \(password)") == "done" else {
            throw failure("initdb did not create the cluster")
        }
    }

    private func failure(_ problem: String) -> PostgresServerError {
        .serverFailed(problem: problem, logFile: logFile, logTail: Files.tail(of: logFile))
    }

    private static func settings(_ options: Options, folder: ServerFolder, port: Int) -> ServerSettings {
        let own = ServerSettings([
            "listen_addresses": options.listensOnTCP ? "127.0.0.1" : "",
            "max_connections": String(options.maxConnections),
            "port": String(port),
            "unix_socket_directories": ServerSettings.listElement(folder.socketDirectory),
        ])
        return (options.durable ? ServerSettings() : .fast)
            .overridden(by: .common)
            .overridden(by: own)
            .overridden(by: ServerSettings(options.settings))
    }
}
