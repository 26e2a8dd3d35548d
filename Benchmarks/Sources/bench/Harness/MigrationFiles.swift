import Foundation

/// The same small migrations in our layout and in dbmate's.
struct MigrationFiles {
    let folder: URL
    /// Numbered from 1.
    let count: Int

    init(_ count: Int) throws {
        self.count = count
        folder = FileManager.default.temporaryDirectory.appending(path: "bench-migrations-\(UUID().uuidString)")
        let theirs = folder.appending(path: "dbmate")
        try FileManager.default.createDirectory(at: theirs, withIntermediateDirectories: true)
        for number in 1...count {
            let (version, statement) = (Self.version(number), Self.statement(number))
            let own = folder.appending(path: "ours/\(version)_table")
            try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
            try Data(statement.utf8).write(to: own.appending(path: "up.sql"))
            // dbmate runs no file without a way back.
            let theirForm = "-- migrate:up\n\(statement)-- migrate:down\nDROP TABLE t_\(version);\n"
            try Data(theirForm.utf8).write(to: theirs.appending(path: "\(version)_table.sql"))
        }
    }

    static func version(_ number: Int) -> String { String(format: "%05d", number) }

    static func statement(_ number: Int) -> String {
        "CREATE TABLE t_\(version(number)) (id int8 PRIMARY KEY);\n"
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    /// `migrate up`, as a process: milliseconds.
    func migrate(_ database: String) async throws -> Turn {
        let meter = Meter()
        _ = try await Programs.run(
            Programs.migrate,
            ["up", "--quiet", "--migrations", folder.appending(path: "ours").path(), "--database-url", database]
        )
        return [.time: meter.elapsed / 1e6]
    }

    /// dbmate, as a process: milliseconds.
    func dbmate(_ url: String, _ command: String) async throws -> Turn {
        let meter = Meter()
        _ = try await Programs.run(
            Programs.venv("dbmate"),
            ["--url", url, "--migrations-dir", folder.appending(path: "dbmate").path(), "--no-dump-schema", command]
        )
        return [.time: meter.elapsed / 1e6]
    }
}
