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

    /// What makes a program run as this user, outside this process's session so that Ctrl-C does not reach it.
    var platformOptions: PlatformOptions {
        var options = PlatformOptions()
        options.createSession = true
        if isAnother {
            options.userID = userID
            options.groupID = groupID
            options.supplementaryGroups = []
        }
        return options
    }

    private static func named(_ name: String) -> ServerUser? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return ServerUser(userID: entry.pw_uid, groupID: entry.pw_gid)
    }
}
