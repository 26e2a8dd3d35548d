import EphemeralPostgres
import Foundation
import Postgres

extension Benchmark {
    /// Nothing to do.
    static let noop = Benchmark("noop", "migrate up with nothing to do, 3 and 10,000 applied") { stage in
        var figures: [Figure] = []
        // Ours alone, where nothing is compared; the last point is that of the comparison.
        var points: [Plot.Point] = []
        for count in [10, 100, 1000] {
            let files = try MigrationFiles(count)
            defer { files.remove() }
            points.append(Plot.Point(x: Double(count), y: try await stage.timeOfNothingToDo(files)))
        }
        for count in [3, 10_000] {
            let files = try MigrationFiles(count)
            defer { files.remove() }
            let compared = try await stage.nothingToDo(files)
            figures += compared
            // To apply 10,000 takes Sqitch minutes.
            if count == 3 { figures += try await stage.nothingToDoBesideSqitch(files) }
            if count == 10_000 { points += compared.prefix(1).map { Plot.Point(x: Double(count), y: $0.ours) } }
        }
        let plot = Plot(
            title: "migrate up, nothing to do",
            xLabel: "applied migrations",
            yLabel: "ms",
            points: points
        )
        return figures + [Figure(growth: plot)]
    }

    /// A thousand small migrations.
    static let thousand = Benchmark("thousand", "1,000 small migrations") { stage in
        let files = try MigrationFiles(1000)
        defer { files.remove() }
        let rounds = try await Rounds.alternate(
            stage.turns(),
            warmUp: false,
            [
                Side("ours") {
                    let database = try await stage.makeEmptyDatabase("ours")
                    return try await files.migrate(stage.connectionString(database))
                },
                Side("dbmate up") {
                    let database = try await stage.makeEmptyDatabase("theirs")
                    return try await files.dbmate(stage.url(database), "up")
                },
            ]
        )
        return [rounds.figure("thousand", .time, "ms", bar: .ratioAtMost(1.0))]
            + (try await stage.thousandBesideSqitch(files))
    }
}

extension Stage {
    /// Nothing to do after so many, beside dbmate; leaves a database `ours` with them.
    fileprivate func nothingToDo(_ files: MigrationFiles) async throws -> [Figure] {
        let ours = try await makeEmptyDatabase("ours")
        let theirs = try await makeEmptyDatabase("theirs")
        // At once: what it takes to get there is not what is measured here.
        async let applied = files.migrate(connectionString(ours))
        _ = try await files.dbmate(url(theirs), "up")
        _ = try await applied
        let rounds = try await Rounds.alternate(
            turns(),
            [
                Side("ours") { try await files.migrate(connectionString(ours)) },
                Side("dbmate status") { try await files.dbmate(url(theirs), "status") },
            ]
        )
        return [
            rounds.figure("noop \(files.count)", .time, "ms", bar: .ratioAtMost(1.5)),
            rounds.figure("noop \(files.count) alone", .time, "ms", limit: files.count > 100 ? 500 : 50),
        ]
    }

    /// The median of our side alone, in milliseconds.
    fileprivate func timeOfNothingToDo(_ files: MigrationFiles) async throws -> Double {
        let database = try await makeEmptyDatabase("ours")
        _ = try await files.migrate(connectionString(database))
        var times: [Double] = []
        for _ in 0..<7 { times.append(try await files.migrate(connectionString(database))[.time] ?? .nan) }
        return times.median
    }

    /// Nothing to do, as Sqitch tells it, beside the database `ours`; no figure where it is not installed.
    fileprivate func nothingToDoBesideSqitch(_ files: MigrationFiles) async throws -> [Figure] {
        guard await Sqitch.isInstalled(for: "noop 3, Sqitch") else { return [] }
        let sqitch = try Sqitch(files, psql: program("psql"))
        let database = try await makeEmptyDatabase("theirs")
        _ = try await sqitch.run("deploy", sqitchTarget(database))
        let rounds = try await Rounds.alternate(
            turns(),
            [
                Side("ours") { try await files.migrate(connectionString("ours")) },
                Side("sqitch status") { try await sqitch.run("status", sqitchTarget(database)) },
            ]
        )
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
                    let database = try await makeEmptyDatabase("ours")
                    return try await files.migrate(connectionString(database))
                },
                Side("sqitch deploy, one round") {
                    let database = try await makeEmptyDatabase("theirs")
                    return try await sqitch.run("deploy", sqitchTarget(database))
                },
            ]
        )
        return [rounds.figure("thousand, Sqitch", .time, "ms")]
    }

    private func sqitchTarget(_ database: String) -> String {
        "db:pg://\(server.userName)@/\(database)?host=\(server.socketDirectory)"
    }
}
