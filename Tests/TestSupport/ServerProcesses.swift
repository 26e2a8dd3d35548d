import Foundation
import Glibc

/// The processes of a server.
public enum ServerProcesses {
    /// The postmaster and its children.
    ///
    /// - Throws: when there is no such process.
    public static func all(of postmaster: Int32) throws -> [Int32] {
        let children = try String(contentsOfFile: "/proc/\(postmaster)/task/\(postmaster)/children", encoding: .utf8)
        return [postmaster] + children.split(separator: " ").compactMap { Int32($0) }
    }

    /// Ends all of them with SIGKILL, as when the machine goes.
    ///
    /// The postmaster stands still meanwhile: it neither starts others nor lets those finish that wait for a standby, whose
    /// commits others would see then although nobody is told of them.
    ///
    /// - Throws: when there is no such process.
    public static func killAll(of postmaster: Int32) throws {
        kill(postmaster, SIGSTOP)
        for process in try all(of: postmaster).reversed() { kill(process, SIGKILL) }
    }
}
