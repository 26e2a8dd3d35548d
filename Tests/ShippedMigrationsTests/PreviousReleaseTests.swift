import Postgres
import SchemaMigrations
import Synchronization
import TestSupport
import Testing

/// Services of the release before version 2 write all the while; no statement of theirs may fail until version 3.
@Suite struct PreviousReleaseTests {
    @Test func `the previous release writes before, between and after the steps of version 2`() async throws {
        try await Shipped.with { shipped in
            let migrator = shipped.migrator()
            _ = try await migrator.up(to: shipped.target(1))
            var turn = Turn(shipped.connection)
            try await turn.take()
            let version2 = try shipped.migration(2)
            for step in version2.steps.dropLast() {
                try await migrator.up(to: shipped.target(2), pausingAfter: step.name, of: version2.version)
                try await turn.take()
            }
            _ = try await migrator.up(to: shipped.target(2))
            try await turn.take()
            #expect(try await shipped.offenders() == 0)
            #expect(try await shipped.reasons(2) == ["failed prehistoric", "running NULL"])
        }
    }

    @Test func `the previous release writes during the backfill, and no write slips in behind it`() async throws {
        try await Shipped.with { shipped in
            _ = try await shipped.migrator().up(to: shipped.target(1))
            try await shipped.connection.execute(script: PreviousRelease.load(100_000) + "ANALYZE vmm")
            let isOver = Flag()
            let counts = BackfillCounts()
            let target = try shipped.target(2)
            try await withThrowingTaskGroup { group in
                for writer in 0..<4 {
                    group.addTask { try await write(shipped.configuration, as: Int64(writer), counts, until: isOver) }
                }
                group.addTask {
                    defer { isOver.raise() }
                    // Writers at work before it begins.
                    while counts.turns < 20 { try await Task.sleep(for: .milliseconds(5)) }
                    _ = try await shipped.migrator(batchPages: 64).up(to: target) { counts.see($0) }
                }
                try await group.waitForAll()
            }
            #expect(counts.turnsDuringBackfill > 0)
            #expect(try await shipped.offenders() == 0)
        }
    }

    @Test func `after version 2 the old statements are completed, after version 3 the database refuses them`()
        async throws
    {
        try await Shipped.with { shipped in
            let connection = shipped.connection
            _ = try await shipped.migrator().up(to: shipped.target(2))
            try await connection.query(PreviousRelease.insert(1, state: "failed"))
            try await connection.query(PreviousRelease.insert(2, state: "failed"))
            try await connection.query(PreviousRelease.update(2, state: "running", generation: 2))
            #expect(try await shipped.reasons(2) == ["failed prehistoric", "running NULL"])

            _ = try await shipped.migrator().up(phase: .all)
            let refused = [
                PreviousRelease.insert(3, state: "failed"),
                PreviousRelease.update(1, state: "running", generation: 2),
                PreviousRelease.update(2, state: "failed", generation: 3),
            ]
            for query in refused {
                let error = await #expect(throws: PostgresError.self) { try await connection.query(query) }
                #expect(error?.sqlState == .checkViolation)
                #expect(error?.server?.constraint == "failure_reason_iff_failed")
            }
            // Writes that are complete without knowing it go on.
            try await connection.query(PreviousRelease.insert(4, state: "creating"))
            try await connection.query(PreviousRelease.update(2, state: "stopped", generation: 4))
        }
    }
}

/// One turn of an old writer: VMMs arrive, move, fail, and leave `failed` again.
private struct Turn {
    private let connection: PostgresConnection
    private var number: Int64 = 0

    init(_ connection: PostgresConnection) {
        self.connection = connection
    }

    mutating func take() async throws {
        let (failing, recovering) = (number + 1, number + 2)
        number += 2
        try await expectOne(PreviousRelease.insert(failing, state: "running"))
        try await expectOne(PreviousRelease.update(failing, state: "failed", generation: 2))
        try await expectOne(PreviousRelease.insert(recovering, state: "failed"))
        try await expectOne(PreviousRelease.update(recovering, state: "running", generation: 2))
    }

    private func expectOne(_ query: PostgresQuery) async throws {
        #expect(try await connection.query(query).commandTag.rowCount == 1)
    }
}

/// Writes like a service of the previous release until told to stop; any error ends the test.
private func write(
    _ configuration: PostgresConfiguration,
    as writer: Int64,
    _ counts: BackfillCounts,
    until isOver: Flag
) async throws {
    try await PostgresConnection.withConnection(to: configuration) { connection in
        var turn: Int64 = 0
        while !isOver.isRaised {
            turn += 1
            // Loaded rows all over the table, and rows of its own behind the pages that the pass covers.
            let loaded = (turn * 7919 + writer * 25_000) % 100_000 + 1
            let own = 1_000_000 * (writer + 1) + turn
            let state = turn.isMultiple(of: 2) ? "failed" : "running"
            try await connection.query(PreviousRelease.update(loaded, state: state, generation: 3 + turn))
            try await connection.query(PreviousRelease.insert(own, state: "failed"))
            if turn.isMultiple(of: 3) {
                try await connection.query(PreviousRelease.update(own, state: "running", generation: 2))
            }
            counts.tookTurn()
        }
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)

    var isRaised: Bool { value.load(ordering: .relaxed) }

    func raise() { value.store(true, ordering: .relaxed) }
}

/// How many turns the writers took while the backfill ran.
private final class BackfillCounts: Sendable {
    private let total = Atomic(0)
    private let atStart = Atomic(0)
    private let atEnd = Atomic(0)

    var turns: Int { total.load(ordering: .relaxed) }
    var turnsDuringBackfill: Int { atEnd.load(ordering: .relaxed) - atStart.load(ordering: .relaxed) }

    func tookTurn() { total.add(1, ordering: .relaxed) }

    func see(_ event: MigrationEvent) {
        switch event {
        case .stepStarted(let step) where step.kind == .backfill: atStart.store(turns, ordering: .relaxed)
        case .stepFinished(let step, _, _, _, _) where step.kind == .backfill: atEnd.store(turns, ordering: .relaxed)
        default: break
        }
    }
}

extension Shipped {
    /// How many VMMs break the rule "a reason if and only if failed".
    fileprivate func offenders() async throws -> Int64 {
        try await connection.query(
            "SELECT count(*) FROM vmm WHERE (state = 'failed') <> (failure_reason IS NOT NULL)"
        ).one().decode(Int64.self)
    }
}
