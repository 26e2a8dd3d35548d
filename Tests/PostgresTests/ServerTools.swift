import EphemeralPostgres
import Foundation
import TestSupport

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
}
