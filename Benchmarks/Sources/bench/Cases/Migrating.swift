import EphemeralPostgres
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
            // To apply 10,000 takes Sqitch several minutes.
            if count == 3 { figures += try await stage.noopBesideSqitch(files, ours) }
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
            + (try await stage.thousandBesideSqitch(files))
    }
}

extension Stage {
    /// Nothing to do, as Sqitch tells it; no figure where it is not installed.
    fileprivate func noopBesideSqitch(_ files: MigrationFiles, _ ours: String) async throws -> [Figure] {
        guard await Sqitch.isInstalled(for: "noop 3, Sqitch") else { return [] }
        let sqitch = try Sqitch(files, psql: program("psql"))
        let database = "sqitch"
        try await server.createDatabase(database)
        _ = try await sqitch.run("deploy", sqitchTarget(database))
        let rounds = try await Rounds.alternate(
            self.rounds,
            [
                Side("ours") { try await files.migrate(connectionString(ours)) },
                Side("sqitch status") { try await sqitch.run("status", sqitchTarget(database)) },
            ]
        )
        try await server.dropDatabase(database)
        return [rounds.figure("noop 3, Sqitch", .time, "ms")]
    }

    /// The same migrations by Sqitch; no figure where it is not installed.
    fileprivate func thousandBesideSqitch(_ files: MigrationFiles) async throws -> [Figure] {
        guard await Sqitch.isInstalled(for: "thousand, Sqitch") else { return [] }
        let sqitch = try Sqitch(files, psql: program("psql"))
        // It starts psql for each change, and takes half a minute or more: how much more than we do needs no second round.
        let rounds = try await Rounds.alternate(
            1,
            warmUp: false,
            [
                Side("ours") {
                    let (ours, _) = try await makeMigrationDatabases(1000)
                    return try await files.migrate(connectionString(ours))
                },
                Side("sqitch deploy, one round") {
                    let (_, theirs) = try await makeMigrationDatabases(1000)
                    return try await sqitch.run("deploy", sqitchTarget(theirs))
                },
            ]
        )
        return [rounds.figure("thousand, Sqitch", .time, "ms")]
    }

    private func sqitchTarget(_ database: String) -> String {
        "db:pg://\(server.userName)@/\(database)?host=\(server.socketDirectory)"
    }
}
