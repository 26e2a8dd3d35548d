import FoundationEssentials
import Glibc

/// The folder of one server: its data, its log and, unless the path is too long, its socket.
///
/// The server's user owns the folder and everything inside it. Root never writes in there itself: what another user
/// controls could be a link to somewhere else.
struct ServerFolder: Sendable, Hashable {
    let path: String

    var data: String { "\(path)/data" }
    var socketDirectory: String { "\(path)/run" }
    var log: String { "\(path)/server.log" }

    /// Whether a cluster has been created here, completely.
    var isInitialized: Bool { FileManager.default.fileExists(atPath: "\(data)/PG_VERSION") }

    /// The longest path of a Unix socket, in bytes, as PostgreSQL and the system accept it.
    static let longestSocketPath = 107

    /// Whether a server can have its socket in `directory`, and libpq can name it as a host.
    static func canHoldSocket(_ directory: String) -> Bool {
        // libpq takes a comma for a list of hosts, and offers no way to quote it.
        directory.utf8.count + "/.s.PGSQL.65535".utf8.count <= longestSocketPath
            && directory.hasPrefix("/") && !directory.contains(",")
    }

    /// Creates a private folder in the first of `parents` that suits a server of `user`'s with its socket.
    static func createTemporary(in parents: [String], owner user: ServerUser) async throws -> ServerFolder {
        for parent in parents {
            // As long as the name that mkdtemp(3) will make of it.
            let longest = ServerFolder(path: "\(parent)/\(Files.temporaryFolderPrefix)XXXXXX")
            guard canHoldSocket(longest.socketDirectory), access(parent, W_OK | X_OK) == 0,
                try await isReachable(parent, for: user)
            else { continue }
            return ServerFolder(path: try Files.createTemporaryFolder(in: parent, owner: user))
        }
        throw PostgresServerError.noUsableFolder(tried: parents)
    }

    /// Whether `user` can go into `folder`: asked of the system, since access lists and mounts have their say too.
    static func isReachable(_ folder: String, for user: ServerUser) async throws -> Bool {
        guard user.isAnother else { return access(folder, X_OK) == 0 }
        return try await ProgramRunner.runShell(#"test -d "$1/.""#, [folder], as: user).isSuccess
    }

    /// Removes the folder with everything in it, as the user who owns it: nobody else's files can be hit.
    func remove(as user: ServerUser) async throws {
        _ = try await ProgramRunner.runShell(#"rm -rf -- "$1""#, [path], as: user)
        // In a parent that is closed to that user the emptied folder stays; it is ours to remove.
        guard rmdir(path) == 0 || errno == ENOENT else { throw Files.failure("remove", path) }
    }
}
