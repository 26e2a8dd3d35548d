import Glibc
import Subprocess

/// The user that a server runs as: ourselves, or somebody else when we are root.
struct ServerUser: Sendable, Hashable {
    let userID: uid_t
    let groupID: gid_t

    /// Whether the server runs as another user than this process.
    var isAnother: Bool { userID != geteuid() }

    /// This process's user; for root, who may not run PostgreSQL, `postgres` or else `nobody`.
    static func preferred() throws -> ServerUser {
        guard geteuid() == 0 else { return ServerUser(userID: geteuid(), groupID: getegid()) }
        for name in ["postgres", "nobody"] {
            if let user = named(name), user.userID != 0 { return user }
        }
        throw PostgresServerError.noUserForServer
    }

    /// The owner of existing data, so that a later `postgres` user does not lock out data of `nobody`'s.
    static func owner(of path: String) throws -> ServerUser {
        guard geteuid() == 0, let status = FileStatus(path: path), status.userID != 0 else { return try preferred() }
        return ServerUser(userID: status.userID, groupID: status.groupID)
    }

    /// Outside this process's session, so that Ctrl-C does not reach the program.
    static var platformOptions: PlatformOptions {
        var options = PlatformOptions()
        options.createSession = true
        return options
    }

    /// The command that runs a program as this user.
    ///
    /// Another user is become by `setpriv`, a program of its own: between fork and exec of a process with threads,
    /// glibc's `setgroups` waits for threads that the child does not have.
    func command(_ path: String, _ arguments: [String]) -> (path: String, arguments: [String]) {
        guard isAnother else { return (path, arguments) }
        let change = ["--reuid=\(userID)", "--regid=\(groupID)", "--clear-groups", "--", path]
        return ("/usr/bin/setpriv", change + arguments)
    }

    private static func named(_ name: String) -> ServerUser? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return ServerUser(userID: entry.pw_uid, groupID: entry.pw_gid)
    }
}
