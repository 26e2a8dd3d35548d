import FoundationEssentials
import Glibc

/// Whom a file belongs to and what it is, without following a symbolic link.
struct FileStatus {
    let userID: uid_t
    let groupID: gid_t
    let isDirectory: Bool

    /// `nil` when there is nothing at `path`, or it cannot be looked at.
    init?(path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        userID = status.st_uid
        groupID = status.st_gid
        isDirectory = status.st_mode & S_IFMT == S_IFDIR
    }
}

/// File operations with errors that name the operation and the path.
enum Files {
    /// Creates a folder of `user`'s, unless it is there.
    static func createFolder(_ path: String, mode: mode_t, owner user: ServerUser?) throws {
        guard mkdir(path, mode) == 0 else {
            let code = errno
            if code == EEXIST, FileStatus(path: path)?.isDirectory == true { return }
            throw failure("create", path, code)
        }
        // The process's umask may have taken bits away.
        guard chmod(path, mode) == 0 else { throw failure("set the permissions of", path) }
        try give(path, to: user)
    }

    /// Creates a folder with a name of its own in `parent`, private to `user`.
    static func createTemporaryFolder(in parent: String, owner user: ServerUser) throws -> String {
        // mkdtemp(3) puts characters of its own in the place of the last six.
        var template = Array("\(parent)/\(temporaryFolderPrefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw failure("create a folder in", parent) }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try give(path, to: user)
        return path
    }

    static let temporaryFolderPrefix = "vmm-store-"

    /// The last lines of a text file, for an error; empty when it cannot be read.
    static func tail(of path: String, lines: Int = 20) -> String {
        guard let data = FileManager.default.contents(atPath: path) else { return "" }
        // A log in durable use can be long; lines near the end are what matters.
        let text = String(decoding: data.suffix(16_384), as: UTF8.self)
        return text.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }

    static func failure(_ operation: String, _ path: String, _ code: CInt = errno) -> PostgresServerError {
        .fileOperationFailed(operation: operation, path: path, reason: String(cString: strerror(code)))
    }

    private static func give(_ path: String, to user: ServerUser?) throws {
        guard let user, user.isAnother else { return }
        guard chown(path, user.userID, user.groupID) == 0 else { throw failure("change the owner of", path) }
    }
}
