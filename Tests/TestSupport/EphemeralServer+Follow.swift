public import EphemeralPostgres
import Foundation

extension EphemeralServer {
    /// Replaces this server's data by a copy of another's, which it follows as a standby.
    ///
    /// - Throws: ``ProgramFailure``, an error of Foundation, or what the server throws when it does not start.
    public func follow(_ primary: EphemeralServer) async throws {
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
