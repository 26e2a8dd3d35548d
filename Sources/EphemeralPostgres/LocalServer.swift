import FoundationEssentials
import Glibc

/// The private PostgreSQL of a working directory: created and started when needed, and left running.
///
/// Its files are in a folder such as `.local-postgres/`, its only door is a Unix socket there, and it has PostgreSQL's
/// own settings for durability. Where root runs this, the server belongs to another user; where that user cannot reach
/// the folder, or the socket's path would be too long, the files or the socket are in a private temporary folder
/// that `server.json` in the folder names.
///
/// ```swift
/// let server = LocalServer(directory: ".local-postgres")
/// let (url, _) = try await server.start()
/// ```
public struct LocalServer: Sendable {
    /// What ``start()`` had to do.
    public enum StartOutcome: String, Sendable {
        /// The server was running.
        case alreadyRunning
        /// The server was started on the data it had.
        case started
        /// There was no server; it is new and empty.
        case created
        /// The data of an earlier server had vanished, as a temporary folder does; the server is new and empty.
        case recreated
    }

    /// Whether there is a server and whether it runs.
    public enum Status: Sendable, Hashable {
        /// The server runs as the process named.
        case running(processID: Int32)
        /// There is data, and no server running on it.
        case stopped
        /// No server has been created, or its data has vanished.
        case absent
    }

    /// The folder of the server's files, as an absolute path.
    public let directory: String
    /// The database that ``start()`` creates and ``url()`` names.
    public let database: String
    /// The superuser's name; through the socket it needs no password.
    public let userName = "postgres"
    /// The port, which is only part of the socket's name.
    public let port = 5432

    let programsDirectory: String?

    /// Describes a server; nothing is created or started yet.
    ///
    /// - Parameters:
    ///   - directory: the folder of the server's files; a relative path starts at the working directory.
    ///   - database: the database to create and to name in the URL.
    ///   - programsDirectory: the directory of PostgreSQL's programs; `nil` finds one, see ``ServerPrograms/find(in:)``.
    public init(
        directory: String = ".local-postgres",
        database: String = "vmm_store",
        programsDirectory: String? = nil
    ) {
        self.directory = URL(fileURLWithPath: directory).standardizedFileURL.path
        self.database = database
        self.programsDirectory = programsDirectory
    }

    /// Makes sure that the server runs and the database exists; several processes may do so at once.
    ///
    /// - Returns: the database's URL, and what had to be done.
    /// - Throws: ``PostgresServerError``, with the end of the server's log where it did not start. Calling again is fine.
    public func start() async throws -> (url: String, outcome: StartOutcome) {
        try prepareDirectory()
        return try await withLock { record in
            let outcome = try await LocalServerLaunch(server: self).run(&record)
            return (url(record), outcome)
        }
    }

    /// Stops the server, ending its sessions; the data stays.
    ///
    /// - Returns: whether the server was running.
    /// - Throws: ``PostgresServerError`` when it does not stop within a minute.
    @discardableResult
    public func stop() async throws -> Bool {
        guard try status() != .absent else { return false }
        return try await withLock { record in
            let folder = folder(record)
            guard hasCluster(record), PostmasterFile.live(inDataDirectory: folder.data) != nil else { return false }
            try await controlServer(in: folder, ["--mode=fast", "--wait", "--timeout=60", "stop"])
            return true
        }
    }

    /// Whether there is a server and whether it runs; changes nothing and waits for nobody.
    ///
    /// - Throws: ``PostgresServerError`` when the folder is another user's, or `server.json` cannot be read.
    public func status() throws -> Status {
        guard FileStatus(path: directory) != nil else { return .absent }
        try checkOwner()
        guard let record = try LocalServerRecord.read(from: recordPath) else { return .absent }
        guard hasCluster(record) else { return .absent }
        let postmaster = PostmasterFile.live(inDataDirectory: folder(record).data)
        return postmaster.map { .running(processID: $0.processID) } ?? .stopped
    }

    /// The URL of the server's database, whether it runs or not; `nil` when no server has been created.
    ///
    /// - Throws: what ``status()`` throws.
    public func url() throws -> String? {
        guard try status() != .absent, let record = try LocalServerRecord.read(from: recordPath) else { return nil }
        return url(record)
    }

    /// Stops the server at once and removes it with all its data; the next ``start()`` creates a new one.
    ///
    /// - Throws: ``PostgresServerError`` when the server does not stop, or a folder cannot be removed.
    public func reset() async throws {
        guard FileStatus(path: directory) != nil else { return }
        try checkOwner()
        try await withLock { record in
            let folder = folder(record)
            if hasCluster(record), PostmasterFile.live(inDataDirectory: folder.data) != nil {
                try await controlServer(in: folder, ["--mode=immediate", "--wait", "--timeout=60", "stop"])
            }
            for path in [folder.path, record.socketDirectory].compactMap(\.self) where isOurs(path, record) {
                try await ServerFolder(path: path).remove(as: ServerUser.owner(of: path))
            }
            record = LocalServerRecord()
        }
    }

    /// The folder with the server's data and log.
    func folder(_ record: LocalServerRecord) -> ServerFolder {
        ServerFolder(path: record.folder ?? "\(directory)/server")
    }

    /// The folder of the server's socket.
    func socketDirectory(_ record: LocalServerRecord) -> String {
        record.socketDirectory ?? folder(record).socketDirectory
    }

    /// Whether the record's data is there.
    func hasCluster(_ record: LocalServerRecord) -> Bool {
        let folder = folder(record)
        return isOurs(folder.path, record) && folder.isInitialized
    }

    /// Whether a folder is the one that was created: where a temporary one vanished, anybody may have made another.
    private func isOurs(_ path: String, _ record: LocalServerRecord) -> Bool {
        guard let status = FileStatus(path: path) else { return false }
        return status.isDirectory && status.userID == record.userID
    }

    private var recordPath: String { "\(directory)/server.json" }

    private func url(_ record: LocalServerRecord) -> String {
        ConnectionString.url(
            user: userName,
            database: database,
            socketDirectory: socketDirectory(record),
            port: port
        )
    }

    /// Creates the folder: private, except that root lets the server's user through to the server's own folder.
    private func prepareDirectory() throws {
        if FileStatus(path: directory) == nil {
            try Files.createFolder(directory, mode: geteuid() == 0 ? 0o711 : 0o700, owner: nil)
        }
        try checkOwner()
    }

    /// What another user controls is not touched: its record could name any folder.
    private func checkOwner() throws {
        guard let status = FileStatus(path: directory), status.isDirectory, status.userID == geteuid() else {
            throw PostgresServerError.folderBelongsToAnotherUser(path: directory)
        }
    }

    /// Runs `body` with the record as it is on disk, alone among all processes, and saves its changes even when it throws.
    private func withLock<Result>(
        _ body: (inout LocalServerRecord) async throws -> Result
    ) async throws -> Result {
        try await FileLock.withLock(on: "\(directory)/lock") {
            let before = try LocalServerRecord.read(from: recordPath)
            var record = before ?? LocalServerRecord()
            do {
                let result = try await body(&record)
                if record != before { try record.write(to: recordPath) }
                return result
            } catch {
                if record != before { try record.write(to: recordPath) }
                throw error
            }
        }
    }

    /// Runs `pg_ctl` as the server's user.
    func controlServer(in folder: ServerFolder, _ arguments: [String]) async throws {
        let programs = try await ServerPrograms.find(in: programsDirectory)
        let user = try ServerUser.owner(of: folder.data)
        let arguments = ["--pgdata=\(folder.data)"] + arguments
        try await ProgramRunner.runChecked(programs.path(of: "pg_ctl"), arguments, as: user, in: folder.path)
    }
}
