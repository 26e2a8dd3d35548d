import Foundation

/// Who a runner says it is, so that others know whom they wait for.
public enum RunnerName {
    /// Process id and host of this process.
    public static var current: String {
        let process = ProcessInfo.processInfo
        return "\(process.processName)[\(process.processIdentifier)] on \(process.hostName)"
    }
}
