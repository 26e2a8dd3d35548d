import EphemeralPostgres
import Foundation

/// A program that failed, with what it said.
struct ProgramFailure: Error, CustomStringConvertible {
    let description: String
}

/// Runs programs that tests need beside the server.
enum Program {
    /// Runs a program to its end and returns what it printed.
    ///
    /// - Throws: ``ProgramFailure`` when it cannot be started or ends with another status than 0.
    @discardableResult
    static func run(_ name: String, _ arguments: [String]) async throws -> String {
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
            DispatchQueue.global().async {
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
    static func find(_ name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return (path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"])
            .map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}

/// Whether the server's programs were built with TLS; those of the matrix are not.
func serverHasTLS() async throws -> Bool {
    let programs = try await ServerPrograms.find(in: nil)
    let options = try await Program.run("\(programs.directory)/pg_config", ["--configure"])
    return options.contains("--with-ssl") || options.contains("--with-openssl")
}

/// A folder that goes away after the body.
func withFolder<R>(_ body: (URL) async throws -> R) async throws -> R {
    let folder = URL(filePath: "/tmp/postgres-tests-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(
        at: folder,
        withIntermediateDirectories: false,
        attributes: [.posixPermissions: 0o755]
    )
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}

extension EphemeralServer {
    /// The owner of the server's files, which it also runs as.
    var owner: (user: Int, group: Int) {
        get throws {
            let attributes = try FileManager.default.attributesOfItem(atPath: dataDirectory)
            let user = attributes[.ownerAccountID] as? NSNumber
            let group = attributes[.groupOwnerAccountID] as? NSNumber
            return (user?.intValue ?? 0, group?.intValue ?? 0)
        }
    }

    /// Makes a file or folder the server's own.
    func adopt(_ path: String) async throws {
        let owner = try owner
        try await Program.run("chown", ["-R", "\(owner.user):\(owner.group)", path])
    }

    /// Replaces this server's data by a copy of another's, which it follows as a standby.
    func follow(_ primary: EphemeralServer) async throws {
        try await stop()
        let settings = try String(contentsOfFile: "\(dataDirectory)/postgresql.conf", encoding: .utf8)
        try FileManager.default.removeItem(atPath: dataDirectory)
        try await Program.run(
            "\(programs.directory)/pg_basebackup",
            [
                "--pgdata=\(dataDirectory)", "--write-recovery-conf", "--checkpoint=fast", "--no-sync",
                "--host=\(primary.socketDirectory)", "--port=\(primary.port)", "--username=\(primary.userName)",
            ]
        )
        try settings.write(toFile: "\(dataDirectory)/postgresql.conf", atomically: true, encoding: .utf8)
        let owner =
            try FileManager.default.attributesOfItem(atPath: primary.dataDirectory)[.ownerAccountID] as? NSNumber
        try await Program.run("chown", ["-R", "\(owner?.intValue ?? 0)", dataDirectory])
        try await resume()
    }
}
