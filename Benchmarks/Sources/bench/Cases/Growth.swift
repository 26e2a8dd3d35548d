import Foundation
import Postgres
import VMMDatastore

extension Benchmark {
    /// Whether anything grows faster than what it depends on.
    static let growth = Benchmark("growth", "time against rows, tasks and connections") { stage in
        let plots = [
            try await stage.growthByRows(), try await stage.growthByTasks(), try await stage.growthByConnections(),
        ]
        return plots.map(Figure.init(growth:))
    }
}

extension Stage {
    /// One guarded update after the other, on tables of several sizes.
    fileprivate func growthByRows() async throws -> Plot {
        var points: [Plot.Point] = []
        for rows in [100_000, 1_000_000, 10_000_000] where rows <= (self.rows.max() ?? 0) {
            // None failed: there is nothing then for version 2 to fill, which would take longer than all the rest.
            let table = try await makeVMMs(rows, failedOneIn: rows + 1)
            let pool = PostgresPool(table.configuration, maximumConnections: 1)
            points.append(try await point(rows, tasks: 1, pool, table))
            await pool.shutDown()
            try await dropVMMs(rows)
        }
        return Plot(title: "a guarded update, by rows", xLabel: "rows in the table", yLabel: "µs", points: points)
    }

    /// What one update costs when so many tasks make them, through a pool of sixteen.
    fileprivate func growthByTasks() async throws -> Plot {
        let table = try await makeVMMs()
        let pool = PostgresPool(table.configuration, maximumConnections: 16)
        var points: [Plot.Point] = []
        for tasks in [1, 4, 16, 64, 256, 1024, 4096] {
            points.append(try await point(tasks, tasks: tasks, pool, table))
        }
        await pool.shutDown()
        try await dropVMMs()
        return Plot(title: "an update, by tasks", xLabel: "tasks, pool of 16", yLabel: "µs of all", points: points)
    }

    /// What one update costs with so many connections, each used by one task.
    fileprivate func growthByConnections() async throws -> Plot {
        let table = try await makeVMMs()
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
            let turn = try await Datastore(pool).updates(tasks: tasks, seconds: 0.3, of: table)
            times.append(1e6 / (turn[.rate] ?? 1))
        }
        return Plot.Point(x: Double(x), y: times.median)
    }
}
