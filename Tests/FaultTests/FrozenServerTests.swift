import EphemeralPostgres
import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

/// A server all of whose processes stand still.
@Suite struct FrozenServerTests {
    @Test func `while the server is frozen every call ends by its deadline, and no connection of then is used again`()
        async throws
    {
        try await EphemeralServer.withServer { server in
            var configuration = try PostgresConfiguration(server.connectionString(database: "postgres"))
            configuration.cancelTimeout = .milliseconds(200)
            configuration.connectTimeout = .milliseconds(500)
            configuration.queryTimeout = .milliseconds(300)
            let pool = PostgresPool(configuration, maximumConnections: 4, acquireTimeout: .milliseconds(800))
            let old = try await Self.backends(of: pool)
            #expect(old.count == 4)
            let frozen = try ServerProcesses.all(of: #require(server.processID))
            #expect(frozen.count > 5)
            for process in frozen { kill(process, SIGSTOP) }
            let errors: [PostgresError]
            do {
                errors = try await Self.callAll(pool, configuration)
            } catch {
                for process in frozen { kill(process, SIGCONT) }
                throw error
            }
            // Every call has ended, and the server has not moved.
            for process in frozen { kill(process, SIGCONT) }
            let codes = Set(errors.map(\.code))
            #expect(codes.isSubset(of: [.deadlineExceeded, .connectionFailed, .poolTimeout, .commitOutcomeUnknown]))
            #expect(codes.contains(.deadlineExceeded))
            let new = try await Self.backends(of: pool)
            #expect(new.count == 4)
            #expect(new.isDisjoint(with: old))
            await pool.shutDown()
            let counts = codes.map { code in "\(errors.count { $0.code == code }) \(code)" }.sorted()
            FaultRun.tell(
                "SIGSTOP of the postmaster and all its processes",
                "\(errors.count) calls, all ended while the server stood still (\(counts.joined(separator: ", "))); "
                    + "4 new connections afterwards"
            )
        }
    }

    /// Calls of every kind at once, more than there are connections; the errors they end with.
    private static func callAll(_ pool: PostgresPool, _ configuration: PostgresConfiguration) async throws
        -> [PostgresError]
    {
        try await withThrowingTaskGroup(of: PostgresError?.self) { group in
            for number in 0..<24 {
                group.addTask {
                    do {
                        switch number % 4 {
                        case 0: try await pool.query("SELECT 1")
                        case 1: try await pool.withTransaction { _ = try await $0.query("SELECT 1") }
                        case 2: try await pool.withConnection { _ = try await $0.execute(script: "SELECT 1") }
                        default:
                            let connection = try await PostgresConnection.connect(to: configuration)
                            await connection.close()
                        }
                        Issue.record("a frozen server answered")
                        return nil
                    } catch let error as PostgresError {
                        return error
                    }
                }
            }
            return try await group.reduce(into: []) { errors, error in
                if let error { errors.append(error) }
            }
        }
    }

    /// The server processes of a pool's connections, all of them in use at once.
    ///
    /// Tried again where the limits, which are tight for the sake of the calls above, pass on a busy machine.
    private static func backends(of pool: PostgresPool) async throws -> Set<Int32> {
        let end = ContinuousClock.now + .seconds(60)
        while true {
            do {
                return try await backendsOnce(of: pool)
            } catch let error as PostgresError {
                guard ContinuousClock.now < end else { throw error }
            }
        }
    }

    private static func backendsOnce(of pool: PostgresPool) async throws -> Set<Int32> {
        try await pool.withConnection { first in
            try await pool.withConnection { second in
                try await pool.withConnection { third in
                    try await pool.withConnection { fourth in
                        var ids: Set<Int32> = []
                        for connection in [first, second, third, fourth] {
                            try await connection.query("SELECT 1")
                            ids.insert(await connection.backendProcessID)
                        }
                        return ids
                    }
                }
            }
        }
    }
}
