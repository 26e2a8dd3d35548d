import FoundationEssentials
import Glibc

/// What `.local-postgres/server.json` remembers about a local server.
struct LocalServerRecord: Codable, Sendable, Hashable {
    /// The server's folder where it is not inside `.local-postgres/`.
    var folder: String?
    /// The socket's folder where it is not inside the server's folder.
    var socketDirectory: String?
    /// The user whom these folders belong to; others' folders of the same name are not ours.
    var userID: UInt32?
    /// The databases that have been created.
    var databases: [String] = []

    /// The record in a file; `nil` when there is no file.
    static func read(from path: String) throws -> LocalServerRecord? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        do {
            return try JSONDecoder().decode(LocalServerRecord.self, from: data)
        } catch {
            throw PostgresServerError.fileOperationFailed(operation: "read", path: path, reason: "\(error)")
        }
    }

    /// Replaces the file in one step, so that a reader never sees half of it.
    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try encoder.encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw PostgresServerError.fileOperationFailed(operation: "write", path: path, reason: "\(error)")
        }
        guard chmod(path, 0o600) == 0 else { throw Files.failure("set the permissions of", path) }
    }
}
