import FoundationEssentials
import Glibc

/// What a server says about itself in `postmaster.pid`.
struct PostmasterFile: Sendable, Hashable {
    let processID: Int32
    /// Whether it accepts connections, by its own word.
    let isReady: Bool

    /// The live server of a data directory; `nil` when none runs, even if a crash left the file behind.
    ///
    /// After a reboot the process identifier in the file can be that of any process. A postmaster is known by its
    /// working directory, which is its data directory from before it writes the file until its end.
    static func live(inDataDirectory data: String) -> PostmasterFile? {
        guard let contents = FileManager.default.contents(atPath: "\(data)/postmaster.pid") else { return nil }
        let lines = String(decoding: contents, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard let processID = lines.first.flatMap({ Int32($0) }), processID > 0,
            isPostmaster(processID, of: data)
        else { return nil }
        let status = lines.count > 7 ? lines[7].trimmingPrefix(" ").prefix(while: { $0 != " " }) : ""
        return PostmasterFile(processID: processID, isReady: status == "ready")
    }

    private static func isPostmaster(_ processID: Int32, of data: String) -> Bool {
        if let place = realPath("/proc/\(processID)/cwd") { return place == realPath(data) }
        // In a container, root often may not look into another user's processes; name and user are open to all. Taking
        // a living server for a dead one would be the worse mistake.
        guard errno == EACCES || errno == EPERM else { return false }
        let name = FileManager.default.contents(atPath: "/proc/\(processID)/comm")
        return name == Data("postgres\n".utf8)
            && FileStatus(path: "/proc/\(processID)")?.userID == FileStatus(path: data)?.userID
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
