import Foundation

/// A program that failed, with what it said.
public struct ProgramFailure: Error, CustomStringConvertible {
    /// What it said, behind its name.
    public let description: String
}

/// Runs programs that tests need beside the server.
public enum Program {
    /// Runs a program to its end and returns what it printed.
    ///
    /// - Throws: ``ProgramFailure`` when it cannot be started or ends with another status than 0.
    @discardableResult
    public static func run(_ name: String, _ arguments: [String]) async throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [name] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        // The end of the output comes with the end of the program; waiting must not hold a thread of the tasks'.
        let data = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let data = output.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                continuation.resume(returning: data)
            }
        }
        let text = String(decoding: data, as: UTF8.self)
        guard process.terminationStatus == 0 else { throw ProgramFailure(description: "\(name): \(text)") }
        return text
    }

    /// The folder of a program on the search path, in the places of administrators' programs too.
    public static func find(_ name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return (path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"])
            .map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
