import Foundation
public import SchemaMigrations

/// The migrations that this package ships.
public enum ShippedMigrations {
    /// The folder `migrations/` of the package.
    public static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../migrations").standardizedFileURL.path(percentEncoded: false)

    /// The migrations as `migrate` loads them.
    ///
    /// - Throws: `MigrationError`.
    public static func source() throws -> MigrationSource {
        try MigrationSource.load(from: directory)
    }

    /// The texts by path, for a source in memory that a test changes.
    ///
    /// - Throws: an error of Foundation when a file cannot be read.
    public static func files() throws -> [String: String] {
        let root = URL(filePath: directory)
        var files: [String: String] = [:]
        for folder in try FileManager.default.contentsOfDirectory(atPath: directory) where !folder.contains(".") {
            for name in try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path()) {
                let url = root.appending(path: folder).appending(path: name)
                files["\(folder)/\(name)"] = try String(contentsOf: url, encoding: .utf8)
            }
        }
        return files
    }
}
