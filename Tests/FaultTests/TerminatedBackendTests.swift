import EphemeralPostgres
import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// The runner's server processes end at random moments, or the whole server does.
@Suite struct TerminatedBackendTests {
    private static let allowed: [MigrationError.Code] = [.connectionLost, .lockLost, .cannotConnect]

    @Test func `a run whose backends are terminated at any moment ends, run again, in the same schema and rows`()
        async throws
    {
        let rounds = FaultRun.rounds(8, full: 150)
        var random = FaultRun.random("terminate")
        var broken = 0
        try await Laboratory.with { laboratory in
            let source = try Laboratory.source(rows: 3000)
            let (expected, wholeRun) = try await Self.uninterrupted(laboratory, source)
            var round = 0
            while Self.goesOn(behind: round, of: rounds, broken: broken) {
                round += 1
                try await laboratory.reset()
                let moment = wholeRun * Self.part(round, of: rounds, using: &random)
                let run = Task { [migrator = laboratory.migrator(source, batchPages: 3)] in
                    try await outcome { try await migrator.up() }
                }
                try await Task.sleep(for: moment)
                try await laboratory.connection.query(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
                    """
                )
                if case .failure(let error) = try await run.value {
                    broken += 1
                    #expect(Self.allowed.contains(error.code), "after \(moment): \(error)")
                }
                _ = try await laboratory.migrator(source, batchPages: 3).up()
                #expect(try await laboratory.state() == expected, "terminated after \(moment)")
            }
        }
        #expect(broken > 0, "no run was under way")
        FaultRun.tell(
            "pg_terminate_backend of the runner's backends at random moments",
            "\(rounds) rounds (seed \(FaultRun.seed)): \(broken) runs broken off, all ended in the same schema and rows"
        )
    }

    @Test func `a server that crashes at any moment of a run has, run again, the same schema and rows`() async throws {
        let rounds = FaultRun.rounds(2, full: 40)
        var random = FaultRun.random("crash")
        var options = EphemeralServer.Options()
        options.durable = true
        var broken = 0
        try await EphemeralServer.withServer(options) { server in
            let source = try Laboratory.source(rows: 3000)
            let whole = try PostgresConfiguration(server.connectionString(database: "postgres"))
            let start = ContinuousClock.now
            _ = try await Laboratory.migrator(source, whole, batchPages: 3).up()
            let wholeRun = ContinuousClock.now - start
            let expected = try await DatabaseState.read(whole)
            var round = 0
            while Self.goesOn(behind: round, of: rounds, broken: broken) {
                round += 1
                try await server.createDatabase("crashed", template: "template0")
                let crashed = try PostgresConfiguration(server.connectionString(database: "crashed"))
                let moment = wholeRun * Self.part(round, of: rounds, using: &random)
                let run = Task {
                    try await outcome { try await Laboratory.migrator(source, crashed, batchPages: 3).up() }
                }
                try await Task.sleep(for: moment)
                try await server.stop(mode: .immediate)
                if case .failure(let error) = try await run.value {
                    broken += 1
                    #expect(Self.allowed.contains(error.code), "after \(moment): \(error)")
                }
                try await server.resume()
                _ = try await Laboratory.migrator(source, crashed, batchPages: 3).up()
                #expect(try await DatabaseState.read(crashed) == expected, "crashed after \(moment)")
                try await server.dropDatabase("crashed")
            }
        }
        #expect(broken > 0, "no run was under way")
        FaultRun.tell(
            "pg_ctl stop -m immediate of the server at random moments",
            "\(rounds) rounds (seed \(FaultRun.seed)): \(broken) runs broken off, all ended in the same schema and rows"
        )
    }

    /// Whether there is another round: also behind the last, a few times, while none has hit a run under way.
    private static func goesOn(behind round: Int, of rounds: Int, broken: Int) -> Bool {
        round < rounds || (broken == 0 && round < rounds + 30)
    }

    /// When a round's fault comes, as a part of a whole run; behind the planned rounds sooner and sooner, since the run
    /// that was timed may have been a slow one.
    private static func part(_ round: Int, of rounds: Int, using random: inout some RandomNumberGenerator) -> Double {
        guard round <= rounds else {
            return Double.random(in: 0..<1, using: &random) / Double(1 + round - rounds)
        }
        return (Double(round) - Double.random(in: 0..<1, using: &random)) / Double(rounds)
    }

    private static func uninterrupted(
        _ laboratory: Laboratory,
        _ source: MigrationSource
    ) async throws -> (DatabaseState, Duration) {
        let start = ContinuousClock.now
        _ = try await laboratory.migrator(source, batchPages: 3).up()
        let duration = ContinuousClock.now - start
        return (try await laboratory.state(), duration)
    }
}
