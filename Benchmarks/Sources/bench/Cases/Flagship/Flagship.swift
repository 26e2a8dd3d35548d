import EphemeralPostgres
import Postgres
import SchemaMigrations

extension Benchmark {
    /// The main job: version 2 on a large table, while four writers of the previous release are at work.
    static let flagship = Benchmark(
        "flagship",
        "version 2 on a large table under four writers",
        isDurable: true
    ) { stage in
        var figures: [Figure] = []
        for rows in stage.rows {
            let flagship = try await Flagship(stage: stage, rows: rows)
            let ours = Side("ours") { try await flagship.measure(flagship.migrate) }
            let theirs = Side("psql, one transaction") { try await flagship.measure(flagship.runOneTransaction) }
            // Seven rounds of the larger table would take longer than all other benchmarks together.
            let count = stage.turns(rows > 2_000_000 ? 3 : 5)
            let rounds = try await Rounds.neighbours(count, ours, theirs)
            let name = "flagship \(rows)"
            let time = rounds.figure(name, .time, "ms", bar: .ratioAtMost(1.15))
            figures += [
                time,
                rounds.figure("\(name) stall", .stall, "ms", bar: .ratioAtMost(1 / 50)),
                rounds.figure("\(name) longest stall", .stall, "ms", limit: 20),
            ]
            if rows == stage.rows.first { figures.append(try await flagship.calm(name, after: rounds, time.ours)) }
            try await stage.server.dropDatabase(flagship.template)
        }
        let stalls = figures.filter { $0.name.hasSuffix("longest stall") }
        guard let small = stalls.first, let large = stalls.last, stalls.count == 2 else { return figures }
        return figures + [
            Figure(
                name: "flagship stall's growth",
                ratio: large.ours / small.ours,
                against: "ours, \(small.name)",
                ours: large.ours,
                theirs: small.ours,
                unit: "ms",
                bar: .ratioAtMost(1.5),
                rounds: []
            )
        ]
    }
}

/// A database of the previous release, copied for each turn.
private struct Flagship: Sendable {
    let stage: Stage
    let template: String
    private let source: MigrationSource
    private let database = "flagship"

    init(stage: Stage, rows: Int) async throws {
        self.stage = stage
        template = "flagship_\(rows)"
        source = try MigrationSource.load(from: Repository.path("migrations"))
        try await stage.server.createDatabase(template)
        let configuration = try PostgresConfiguration(stage.connectionString(template))
        _ = try await Migrator(source: source, database: configuration).up(to: try target(0))
        try await stage.load(rows, failedOneIn: 10, in: configuration)
        try await stage.run("VACUUM ANALYZE vmm; CHECKPOINT", in: configuration)
    }

    private func target(_ index: Int) throws -> MigrationTarget {
        guard source.migrations.indices.contains(index) else {
            throw Programs.Failure(description: "no migration \(index + 1)")
        }
        return .version(source.migrations[index].version)
    }

    /// Lets writers begin, does the work, and tells how long it took and how long one of them had to wait at most.
    func measure(_ work: @escaping () async throws -> Void) async throws -> Turn {
        // By files: through the log, a copy of 10,000,000 rows takes longer than the work.
        try await stage.run(
            "CREATE DATABASE \(database) TEMPLATE \(template) STRATEGY file_copy",
            in: try PostgresConfiguration(stage.connectionString("postgres"))
        )
        let configuration = try PostgresConfiguration(stage.connectionString(database))
        try await stage.run("CHECKPOINT", in: configuration)
        let writers = Writers(configuration)
        async let report = writers.write()
        try await Task.sleep(for: .seconds(1))
        let start = Meter.time()
        writers.watch()
        try await work()
        let elapsed = Double(Meter.time() - start) / 1e6
        try await Task.sleep(for: .milliseconds(500))
        writers.stop()
        let (stall, errors) = try await report
        try await stage.server.dropDatabase(database)
        return [.time: elapsed, .stall: stall, .errors: Double(errors)]
    }

    /// How much longer writers wait beside our work than alone for as long: what the machine makes them wait by itself.
    func calm(_ name: String, after rounds: Rounds, _ milliseconds: Double) async throws -> Figure {
        var alone: [Double] = []
        for _ in 0..<stage.turns(3) {
            let turn = try await measure { try await Task.sleep(for: .milliseconds(milliseconds)) }
            alone.append(turn[.stall] ?? .nan)
        }
        let ours = rounds.figure(name, .stall, "ms").ours
        return Figure(
            name: "\(name) stall, writers alone",
            ratio: ours / alone.median,
            against: "the writers alone",
            ours: ours,
            theirs: alone.median,
            unit: "ms",
            bar: nil,
            rounds: []
        )
    }

    func migrate() async throws {
        let configuration = try PostgresConfiguration(stage.connectionString(database))
        _ = try await Migrator(source: source, database: configuration).up(to: try target(1))
    }

    /// What version 2 comes to when it is written without a thought for others.
    func runOneTransaction() async throws {
        let statements = """
            BEGIN;
            CREATE TYPE vmm_failure_reason AS ENUM (
                'prehistoric', 'from_sled_agent', 'no_such_instance', 'sled_expunged', 'sled_off');
            ALTER TABLE vmm ADD COLUMN failure_reason vmm_failure_reason;
            UPDATE vmm SET failure_reason = 'prehistoric' WHERE state = 'failed';
            ALTER TABLE vmm ADD CONSTRAINT failure_reason_iff_failed
                CHECK ((state = 'failed') = (failure_reason IS NOT NULL));
            COMMIT;
            """
        _ = try await Programs.run(
            stage.program("psql"),
            ["-qX", "-v", "ON_ERROR_STOP=1", "-d", stage.connectionString(database), "-c", statements]
        )
    }
}
