import EphemeralPostgres
import Foundation
import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Mixed work for a time: an hour with `scripts/test --faults`, some seconds otherwise.
@Suite struct LoadTests {
    /// Below, memory is still growing to what the work needs.
    private static let shortestJudged = Duration.seconds(180)

    @Test(.enabled(if: PgBouncer.program != nil, "needs the package pgbouncer"))
    func `mixed work goes on through a migration and bounces, without an error that a user would see`() async throws {
        let duration = FaultRun.loadDuration
        try await EphemeralServer.withServer { server in
            let load = try await Load(server)
            try await PgBouncer.with(server, database: "postgres", poolSize: 20) { pooler in
                try await load.run(through: pooler, for: duration)
                #expect(OpenSockets.count(to: pooler.socket) == 0)
            }
            #expect(OpenSockets.count(to: server) == 0)
            #expect(try await ServerSessions.waitUntilAlone(load.configuration))
            let log = load.log.state
            // Nobody bounces the direct way, so nobody there sees a thing; bounced calls were made again.
            #expect(log.unexpected.isEmpty, "\(log.unexpected.prefix(5))")
            #expect(log.updates.count > 0 && log.reads.count > 0 && log.scans.count > 0)
            #expect(log.bounces > 0)
            #expect(log.hasMigrated)
            let written = try await load.writtenGenerations()
            #expect(written >= log.acknowledged, "an acknowledged update was lost")
            #expect(written <= log.acknowledged + log.overtaken, "an update was made twice, or by nobody")
            if duration >= Self.shortestJudged {
                #expect(log.memoryAtEnd - log.memoryAtFirst < 32 << 20, "memory has grown: \(log.memory)")
            }
            FaultRun.tell("mixed load for \(duration)", log.description)
        }
    }
}
