import Foundation
import Postgres
import VMMDatastore

extension Benchmark {
    /// Whether anything grows faster than what it depends on.
    static let growth = Benchmark("growth", "time against rows, tasks, connections and applied migrations") { stage in
        let plots = [
            try await stage.growthByRows(), try await stage.growthByTasks(), try await stage.growthByConnections(),
            try await stage.growthByMigrations(),
        ]
        return plots.map { plot in
            Figure(
                name: "growth: \(plot.title)",
                ratio: plot.slope,
                against: "linear growth (slope 1)",
                ours: plot.points.last?.y ?? 0,
                theirs: plot.points.first?.y ?? 0,
                unit: plot.yLabel,
                bar: .ratioAtMost(1),
                rounds: [],
                plot: plot
            )
        }
    }
}

extension Stage {
    /// One guarded update after the other, on tables of several sizes.
    fileprivate func growthByRows() async throws -> Plot {
        var points: [Plot.Point] = []
        for rows in [100_000, 1_000_000, 10_000_000] where rows <= (self.rows.max() ?? 0) {
            let table = try await makeVMMs(rows)
            let pool = PostgresPool(table.configuration, maximumConnections: 1)
            var times: [Double] = []
            for _ in 0..<7 {
                let turn = try await Datastore(pool).updates(tasks: 1, seconds: 0.5, of: table)
                times.append(1e6 / (turn[.rate] ?? 1))
            }
            points.append(Plot.Point(x: Double(rows), y: times.median))
            await pool.shutDown()
            try await dropVMMs(rows)
        }
        return Plot(title: "a guarded update, by rows", xLabel: "rows in the table", yLabel: "µs", points: points)
    }

    /// What one update costs when so many tasks make them, through a pool of sixteen.
    fileprivate func growthByTasks() async throws -> Plot {
        let table = try await makeVMMs(200_001)
        let pool = PostgresPool(table.configuration, maximumConnections: 16)
        defer { Task { await pool.shutDown() } }
        var points: [Plot.Point] = []
        for tasks in [1, 4, 16, 64, 256, 1024, 4096] {
            points.append(try await point(tasks, tasks: tasks, pool, table))
        }
        return Plot(title: "an update, by tasks", xLabel: "tasks, pool of 16", yLabel: "µs of all", points: points)
    }

    /// What one update costs with so many connections, each used by one task.
    fileprivate func growthByConnections() async throws -> Plot {
        let table = try await makeVMMs(200_002)
        var points: [Plot.Point] = []
        for connections in [1, 2, 4, 8, 16, 32, 64] {
            let pool = PostgresPool(table.configuration, maximumConnections: connections)
            points.append(try await point(connections, tasks: connections, pool, table))
            await pool.shutDown()
        }
        return Plot(title: "an update, by connections", xLabel: "connections", yLabel: "µs of all", points: points)
    }

    private func point(_ x: Int, tasks: Int, _ pool: PostgresPool, _ table: VMMTable) async throws -> Plot.Point {
        var times: [Double] = []
        for _ in 0..<7 {
            let turn = try await Datastore(pool).updates(tasks: tasks, seconds: 0.5, of: table)
            times.append(1e6 / (turn[.rate] ?? 1))
        }
        return Plot.Point(x: Double(x), y: times.median)
    }

    /// `migrate up` with nothing to do, by how much was applied before.
    fileprivate func growthByMigrations() async throws -> Plot {
        var points: [Plot.Point] = []
        for count in [10, 100, 1000, 10_000] {
            let files = try MigrationFiles(count)
            defer { files.remove() }
            let (ours, _) = try await makeMigrationDatabases(count)
            _ = try await files.migrate(connectionString(ours))
            var times: [Double] = []
            for _ in 0..<7 { times.append(try await files.migrate(connectionString(ours))[.time] ?? 0) }
            points.append(Plot.Point(x: Double(count), y: times.median))
        }
        return Plot(title: "migrate up, nothing to do", xLabel: "applied migrations", yLabel: "ms", points: points)
    }
}
