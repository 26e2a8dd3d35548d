import Postgres
import Synchronization
import TestSupport
import Testing
import VMMDatastore
import VMMModel

/// A database that moves from one server to another, and a datastore that follows it.
struct FailoverSite: DatastoreSite {
    let pool: PostgresPool
    let datastore: Datastore

    /// Lends a site at version 2 of the schema that logs every version of every row.
    static func with(_ configuration: PostgresConfiguration, _ body: (FailoverSite) async throws -> Void) async throws {
        var options = PostgresPool.Options()
        options.maximumConnections = 8
        // So that the time until writers are back is the servers', not the pool's.
        options.maximumConnectBackoff = .milliseconds(200)
        let pool = PostgresPool(configuration, options)
        let site = FailoverSite(pool: pool, datastore: Datastore(pool))
        let result: Result<Void, any Error>
        do {
            try await site.applyMigrations(through: 2)
            try await site.logVersions()
            result = .success(try await body(site))
        } catch { result = .failure(error) }
        await pool.shutDown()
        try result.get()
    }
}

/// Writers at work on rows of their own while the primary goes.
struct FailoverRound {
    private static let writers = 6
    /// How many changes are acknowledged before the primary goes.
    private static let leastChanges = 60
    /// Far beyond what a failover takes on a slow machine.
    private static let deadline = Duration.seconds(180)

    let site: FailoverSite
    let seed: UInt64

    /// What a round came to.
    struct Figures {
        var acknowledged = 0
        var lost = 0
        /// From the beginning of the fault until every writer has made a change at the new primary.
        var untilBack = Duration.zero
    }

    /// Lets writers work, brings the fault about, waits until all of them are back, and checks what they were told.
    func run(fault: @Sendable () async throws -> Void) async throws -> Figures {
        let world = try await InterleavedWorld(site)
        let recorder = HistoryRecorder()
        let end = End()
        var figures = Figures()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<Self.writers {
                let writer = InterleavedWriter(site.datastore, world, recorder, number, seed: seed)
                group.addTask { try await Self.write(writer, until: end) }
            }
            defer { end.come() }
            try await wait { recorder.allCalls.count(where: \.isAcknowledged) >= Self.leastChanges }
            let start = ContinuousClock.now
            try await fault()
            let moment = recorder.tick()
            try await wait { recorder.callersWithChanges(after: moment).count == Self.writers }
            figures.untilBack = ContinuousClock.now - start
            end.come()
            try await group.waitForAll()
        }
        for history in try await world.histories(recorder, site) {
            #expect(!history.calls.isEmpty, "\(history.row)")
            if let report = history.report { Issue.record("seed \(seed)\n\(report)") }
        }
        figures.acknowledged = recorder.allCalls.count(where: \.isAcknowledged)
        figures.lost = recorder.allCalls.count { $0.answer == .lost }
        return figures
    }

    private static func write(_ writer: InterleavedWriter, until end: End) async throws {
        var writer = writer
        while !end.hasCome {
            try await writer.writeOnce(mayDelete: false)
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Tells writers to stop after the call that is under way.
    private final class End: Sendable {
        private let isOver = Atomic(false)

        var hasCome: Bool { isOver.load(ordering: .relaxed) }

        func come() { isOver.store(true, ordering: .relaxed) }
    }

    private func wait(until isSo: () -> Bool) async throws {
        let end = ContinuousClock.now + Self.deadline
        while !isSo() {
            try #require(ContinuousClock.now < end, "not every writer has made a change within \(Self.deadline)")
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

extension [FailoverRound.Figures] {
    /// For the report of the run.
    var description: String {
        let seconds = map { figures in
            let (whole, rest) = figures.untilBack.components
            let tenths = whole * 10 + rest / 100_000_000_000_000_000
            return "\(tenths / 10).\(tenths % 10)"
        }
        return
            "\(count) rounds (seed \(FaultRun.seed)): \(map(\.acknowledged).reduce(0, +)) changes acknowledged, none lost; "
            + "\(map(\.lost).reduce(0, +)) calls without an answer; all writers back after "
            + "\(seconds.joined(separator: ", ")) seconds"
    }
}
