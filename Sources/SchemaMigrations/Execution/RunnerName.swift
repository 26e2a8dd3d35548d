import Foundation
import Glibc

/// Who a runner says it is, so that others know whom they wait for.
public enum RunnerName {
    /// Process id and host of this process.
    public static var current: String {
        let process = ProcessInfo.processInfo
        return "\(process.processName)[\(process.processIdentifier)] on \(host)"
    }

    /// The kernel's name of this machine; Foundation would ask name servers, which can take seconds.
    private static var host: String {
        var system = utsname()
        guard uname(&system) == 0 else { return "unknown host" }
        return withUnsafeBytes(of: system.nodename) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
