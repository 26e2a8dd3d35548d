import Foundation
import Postgres

extension Benchmark {
    /// Nothing to do.
    static let noop = Benchmark("noop", "migrate up with nothing to do, 3 and 10,000 applied") { stage in
        var figures: [Figure] = []
        for count in [3, 10_000] {
            let files = try MigrationFiles(count)
            defer { files.remove() }
            let (ours, theirs) = try await stage.makeMigrationDatabases(count)
            _ = try await files.migrate(stage.connectionString(ours))
            _ = try await files.dbmate(stage.url(theirs), "up")
            let rounds = try await Rounds.alternate(
                count > 100 ? 7 : stage.rounds,
                [
                    Side("ours") { try await files.migrate(stage.connectionString(ours)) },
                    Side("dbmate status") { try await files.dbmate(stage.url(theirs), "status") },
                ]
            )
            figures += [
                rounds.figure("noop \(count)", .time, "ms", bar: .ratioAtMost(1.5)),
                rounds.figure("noop \(count) alone", .time, "ms", limit: count > 100 ? 500 : 50),
            ]
        }
        return figures
    }

    /// A thousand small migrations.
    static let thousand = Benchmark("thousand", "1,000 small migrations") { stage in
        let files = try MigrationFiles(1000)
        defer { files.remove() }
        let rounds = try await Rounds.alternate(
            min(stage.rounds, 7),
            warmUp: false,
            [
                Side("ours") {
                    let (ours, _) = try await stage.makeMigrationDatabases(1000)
                    return try await files.migrate(stage.connectionString(ours))
                },
                Side("dbmate up") {
                    let (_, theirs) = try await stage.makeMigrationDatabases(1000)
                    return try await files.dbmate(stage.url(theirs), "up")
                },
            ]
        )
        return [rounds.figure("thousand", .time, "ms", bar: .ratioAtMost(1.0))]
    }
}

/// The same small migrations in our layout and in dbmate's.
struct MigrationFiles {
    private let folder: URL

    init(_ count: Int) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "bench-migrations-\(UUID().uuidString)")
        let theirs = folder.appending(path: "dbmate")
        try FileManager.default.createDirectory(at: theirs, withIntermediateDirectories: true)
        for number in 1...count {
            let version = String(format: "%05d", number)
            let statement = "CREATE TABLE t_\(version) (id int8 PRIMARY KEY);\n"
            let own = folder.appending(path: "ours/\(version)_table")
            try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
            try Data(statement.utf8).write(to: own.appending(path: "up.sql"))
            // dbmate runs no file without a way back.
            let theirForm = "-- migrate:up\n\(statement)-- migrate:down\nDROP TABLE t_\(version);\n"
            try Data(theirForm.utf8).write(to: theirs.appending(path: "\(version)_table.sql"))
        }
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
