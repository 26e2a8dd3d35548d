import Postgres

extension Benchmark {
    /// A connection for one query.
    static let connect = Benchmark("connect", "connect, query, close") { stage in
        let database = stage.connectionString("postgres")
        let configuration = try PostgresConfiguration(database)
        let count = 100
        let rounds = try await Rounds.alternate(
            stage.turns(),
            [
                Side("ours") {
                    var samples: [Double] = []
                    for _ in 0..<count {
                        let start = Meter.time()
                        try await PostgresConnection.withConnection(to: configuration) { connection in
                            _ = try await connection.query("SELECT 1")
                        }
                        samples.append(Double(Meter.time() - start))
                    }
                    return [.time: samples.median]
                },
                Side("C libpq") { try await Programs.baselineTurn("connect", database, "SELECT 1", Int64(count)) },
            ]
        )
        return [rounds.figure("connect", .time, "ns", bar: .ratioAtMost(1.15))]
    }

    /// A warm pool lends and takes back.
    static let poolChurn = Benchmark("pool-churn", "1,000,000 checkouts of a warm pool, 1 and 64 tasks") { stage in
        let configuration = try PostgresConfiguration(stage.connectionString("postgres"))
        let pool = PostgresPool(configuration, maximumConnections: 16)
        let rounds = try await Rounds.alternate(
            stage.turns(),
            [
                Side("64 tasks") { try await pool.churn(1_000_000, tasks: 64) },
                Side("1 task") { try await pool.churn(1_000_000, tasks: 1) },
            ]
        )
        await pool.shutDown()
        return [
            rounds.figure("pool-churn", .time, "ns", of: 1, limit: 1000),
            rounds.figure("pool-churn, 64 tasks", .time, "ns"),
        ]
    }
}

extension PostgresPool {
    /// Nanoseconds for each of `count` checkouts, made by so many tasks.
    fileprivate func churn(_ count: Int, tasks: Int) async throws -> Turn {
        let meter = Meter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    for _ in 0..<count / tasks { try await self.withConnection { _ in } }
                }
            }
            try await group.waitForAll()
        }
        return [.time: meter.elapsed / Double(count)]
    }
}
