/// Why a private PostgreSQL server could not be found, created, started or used.
///
/// Its description is meant for people: it names the file or program and, where there is one, the remedy.
public enum PostgresServerError: Error, Hashable {
    /// No directory with PostgreSQL's server programs was found in the places listed.
    case serverProgramsNotFound(searched: [String])
    /// The directory that was asked for lacks some of the programs needed.
    case serverProgramsIncomplete(directory: String, missing: [String])
    /// PostgreSQL refuses to run as root, and no ordinary user (`postgres`, `nobody`) exists to run it.
    case noUserForServer
    /// None of the folders listed can hold the server: missing, not reachable for its user, or too long for a socket.
    case noUsableFolder(tried: [String])
    /// The folder belongs to another user, whose files are left alone.
    case folderBelongsToAnotherUser(path: String)
    /// The system refused an operation on a file or folder.
    case fileOperationFailed(operation: String, path: String, reason: String)
    /// One of PostgreSQL's programs failed; `output` is what it wrote.
    case commandFailed(command: String, status: String, output: String)
    /// The server did not become ready, or did not stop in time; `logTail` holds the last lines of its log.
    case serverFailed(problem: String, logFile: String, logTail: String)
    /// The process that watches over an ephemeral server has ended, and the server with it.
    case supervisorEnded(reason: String)
    /// The name is not one that PostgreSQL's configuration file accepts.
    case invalidSettingName(String)
}

extension PostgresServerError: CustomStringConvertible {
    /// The error as a sentence for people, with the output or the tail of the log where there is one.
    public var description: String {
        switch self {
        case .serverProgramsNotFound(let searched):
            """
            PostgreSQL's server programs (initdb, postgres, pg_ctl) were not found in \(list(searched)). \
            Install them (Debian and Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server), \
            or name their directory in VMM_STORE_PG_BIN.
            """
        case .serverProgramsIncomplete(let directory, let missing):
            """
            \(directory) does not hold \(list(missing)). Name a directory with all of PostgreSQL's server and \
            client programs, for example the output of `pg_config --bindir`.
            """
        case .noUserForServer:
            "PostgreSQL does not run as root, and there is no user postgres or nobody to run it. Create one."
        case .noUsableFolder(let tried):
            """
            No folder for the server's files: it must exist, be reachable for the server's user, and be short \
            enough for a Unix socket (107 bytes in all). Tried \(list(tried)).
            """
        case .folderBelongsToAnotherUser(let path):
            "\(path) belongs to another user. Run as that user, or use another folder."
        case .fileOperationFailed(let operation, let path, let reason):
            "cannot \(operation) \(path): \(reason)"
        case .commandFailed(let command, let status, let output):
            "\(command) failed (\(status))" + (output.isEmpty ? "" : ":\n\(output)")
        case .serverFailed(let problem, let logFile, let logTail):
            "\(problem); the end of \(logFile):\n\(logTail)"
        case .supervisorEnded(let reason):
            "the process watching over the private PostgreSQL server has ended: \(reason)"
        case .invalidSettingName(let name):
            "'\(name)' is not the name of a PostgreSQL setting"
        }
    }

    private func list(_ items: [String]) -> String {
        items.isEmpty ? "(nothing)" : items.joined(separator: ", ")
    }
}
