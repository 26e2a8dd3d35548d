import Postgres
import VMMDatastore
import VMMModel

extension Benchmark {
    /// Batches of a hundred guarded updates in one round trip.
    static let pipeline = Benchmark("pipeline", "batches of 100 guarded updates") { stage in
        let table = try await stage.makeVMMs()
        return try await PostgresConnection.withConnection(to: table.configuration) { connection in
            for _ in 0..<2 { _ = try await connection.batches(1, of: 5, in: table) }
            let sql = try await connection.preparedStatement(beginningWith: "WITH found")
            let rounds = try await Rounds.alternate(
                stage.turns(),
                [
                    Side("ours") { try await connection.batches(100, of: 100, in: table) },
                    Side("C libpq pipeline") {
                        try await Programs.baselineTurn(
                            "pipeline",
                            table.connectionString,
                            sql,
                            10_000,
                            table.nextBase(),
                            100
                        )
                    },
                ]
            )
            return [rounds.figure("pipeline", .rate, "1/s", bar: .ratioAtLeast(0.95))]
        }
    }

    /// Ten thousand updates in one statement.
    static let bulk = Benchmark("bulk", "updateRuntimes of 10,000") { stage in
        let table = try await stage.makeVMMs()
        let pool = PostgresPool(table.configuration, maximumConnections: 1)
        let datastore = Datastore(pool)
        for _ in 0..<2 { _ = try await datastore.bulkUpdate(10, of: table) }
        let sql = try await pool.withConnection { try await $0.preparedStatement(beginningWith: "WITH found") }
        let rounds = try await Rounds.alternate(
            stage.turns(),
            [
                Side("ours") { try await datastore.bulkUpdate(10_000, of: table) },
                Side("the statement in psql") { try await stage.bulkUpdateByPsql(10_000, sql, table) },
            ]
        )
        await pool.shutDown()
        return [rounds.figure("bulk", .rate, "1/s", bar: .ratioAtLeast(0.90))]
    }
}

extension PostgresConnection {
    fileprivate func batches(_ count: Int, of size: Int, in table: VMMTable) async throws -> Turn {
        let base = table.nextBase()
        let meter = Meter()
        for batch in 0..<count {
            let results = try await pipeline { pipeline in
                try (0..<size).map { number in
                    let (id, runtime) = try table.update(batch * size + number, base: base)
                    return pipeline.query(GuardedVMM.query(id, runtime), as: GuardedVMM.self)
                }
            }
            guard try results.allSatisfy({ try $0.get().first?.wasWritten == true }) else {
                throw Programs.Failure(description: "an update was not written")
            }
        }
        return [.rate: Double(count * size) / meter.elapsed * 1e9]
    }
}

extension Datastore {
    fileprivate func bulkUpdate(_ count: Int, of table: VMMTable) async throws -> Turn {
        let base = table.nextBase()
        let updates = try (0..<count).map { number in
            let (id, runtime) = try table.update(number, base: base)
            return (id: id, runtime: runtime)
        }
        let meter = Meter()
        let outcomes = try await updateRuntimes(updates)
        let elapsed = meter.elapsed
        guard outcomes.count == count, try outcomes.allSatisfy({ try $0.get().isApplied }) else {
            throw Programs.Failure(description: "an update was not written")
        }
        return [.rate: Double(count) / elapsed * 1e9]
    }
}

extension Stage {
    /// The same statement, its arrays in a table of one row; psql's own clock.
    fileprivate func bulkUpdateByPsql(_ count: Int, _ sql: String, _ table: VMMTable) async throws -> Turn {
        let base = table.nextBase()
        let values = try (0..<count).map { number in
            let (id, runtime) = try table.update(number, base: base)
            return "('\(id)'::uuid, '\(runtime.state.label)', NULL::text, \(runtime.generation)::int8, "
                + "to_timestamp(\(Double(runtime.timeUpdated.microsecondsSince1970) / 1e6)))"
        }
        try await run(
            """
            CREATE TABLE IF NOT EXISTS given (a1 uuid[], a2 vmm_state[], a3 vmm_failure_reason[], a4 int8[],
                a5 timestamptz[]);
            TRUNCATE given;
            INSERT INTO given SELECT array_agg(a), array_agg(b::vmm_state), array_agg(c::vmm_failure_reason),
                array_agg(d), array_agg(e) FROM (VALUES \(values.joined(separator: ", "))) AS v (a, b, c, d, e);
            ANALYZE given
            """,
            in: table.configuration
        )
        var statement = sql
        for number in 1...5 { statement.replace("$\(number)", with: "(SELECT a\(number) FROM given)") }
        let output = try await Programs.run(
            program("psql"),
            [
                "-X", "-v", "ON_ERROR_STOP=1", "-d", table.connectionString, "-o", "/dev/null",
                "-c", "\\timing on", "-c", statement,
            ]
        )
        guard let text = output.split(separator: "\n").last(where: { $0.hasPrefix("Time: ") }),
            let milliseconds = text.split(separator: " ").dropFirst().first.flatMap({ Double($0) })
        else { throw Programs.Failure(description: "psql said: \(output)") }
        return [.rate: Double(count) / milliseconds * 1000]
    }
}
