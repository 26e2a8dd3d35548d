import Postgres
import SchemaMigrations
import TestSupport
import Testing
import VMMDatastore
import VMMModel

/// A service of the previous release and one of this release at work on the same rows, at each version of the schema.
@Suite struct TwoReleasesTests {
    @Test(arguments: [1, 2] as [Int64])
    func `the previous release's statements do what they always did`(version: Int64) async throws {
        try await Shipped.with { shipped in
            _ = try await shipped.migrator().up(to: shipped.target(version))
            let old = shipped.connection
            for (number, state) in zip(1...Int64.max, VMMState.Kind.allCases) {
                try await old.query(PreviousRelease.insert(number, state: state.label))
                for (generation, next) in zip(2...Int64.max, VMMState.Kind.allCases) {
                    let update = PreviousRelease.update(number, state: next.label, generation: generation)
                    #expect(try await old.query(update).commandTag.rowCount == 1)
                    #expect(try await old.query(update).commandTag.rowCount == 0)
                }
            }
        }
    }

    @Test func `both releases write the same VMMs while version 2 is in place, and the rule holds`() async throws {
        try await Shipped.with { shipped in
            _ = try await shipped.migrator().up(to: shipped.target(1))
            // Failed before there were reasons.
            try await shipped.connection.query(PreviousRelease.insert(1, state: "failed"))
            _ = try await shipped.migrator().up(to: shipped.target(2))
            try await shipped.withDatastore { datastore in
                try await datastore.checkSchema()
                let first = try await shipped.id(1)
                #expect(try await datastore.fetchVMM(first).runtime.state == .failed(.prehistoric))
                #expect(try await datastore.markFailed(first, reason: .sledOff).isAlreadyFailed)

                // The new service fails a VMM, the old one moves it on and knows nothing of the reason.
                for (number, old) in zip(2...Int64.max, VMMState.Kind.allCases) {
                    try await shipped.connection.query(PreviousRelease.insert(number, state: "running"))
                    let id = try await shipped.id(number)
                    guard case .marked = try await datastore.markFailed(id, reason: .sledExpunged) else {
                        Issue.record("VMM \(number) was not marked")
                        continue
                    }
                    let update = PreviousRelease.update(number, state: old.label, generation: 3)
                    #expect(try await shipped.connection.query(update).commandTag.rowCount == 1)
                    // Failed written over failed keeps the reason; any other state loses it.
                    let expected = try VMMState(kind: old, failureReason: old == .failed ? .sledExpunged : nil)
                    #expect(try await datastore.fetchVMM(id).runtime.state == expected)

                    // The old service fails it without a reason, and the new one takes it back.
                    try await shipped.connection.query(PreviousRelease.update(number, state: "running", generation: 4))
                    try await shipped.connection.query(PreviousRelease.update(number, state: "failed", generation: 5))
                    var runtime = try await datastore.fetchVMM(id).runtime
                    #expect(runtime.state == .failed(.prehistoric))
                    runtime = try runtime.transition(to: .destroyed)
                    #expect(try await datastore.updateRuntime(of: id, to: runtime).isApplied)
                    let late = PreviousRelease.update(number, state: "running", generation: 6)
                    #expect(try await shipped.connection.query(late).commandTag.rowCount == 0)
                }
                #expect(try await shipped.offenderCount() == 0)
            }
        }
    }

    @Test func `after version 3 what the previous release leaves incomplete is refused, and the row stays`()
        async throws
    {
        try await Shipped.with { shipped in
            _ = try await shipped.migrator().up(phase: .all)
            try await shipped.withDatastore { datastore in
                try await datastore.checkSchema()
                for (number, old) in zip(1...Int64.max, VMMState.Kind.allCases) {
                    try await shipped.connection.query(PreviousRelease.insert(number, state: "running"))
                    let id = try await shipped.id(number)
                    _ = try await datastore.markFailed(id, reason: .noSuchInstance)
                    let before = try await datastore.fetchVMM(id)
                    let update = PreviousRelease.update(number, state: old.label, generation: 9)
                    guard old != .failed else {
                        #expect(try await shipped.connection.query(update).commandTag.rowCount == 1)
                        #expect(try await datastore.fetchVMM(id).runtime.state == .failed(.noSuchInstance))
                        continue
                    }
                    let error = await #expect(throws: PostgresError.self) { try await shipped.connection.query(update) }
                    #expect(error?.sqlState == .checkViolation)
                    #expect(try await datastore.fetchVMM(id) == before)
                    // Once the new service has taken the failure back, the old one's statements are complete again.
                    let runtime = try before.runtime.transition(to: .stopped)
                    #expect(try await datastore.updateRuntime(of: id, to: runtime).isApplied)
                    #expect(try await shipped.connection.query(update).commandTag.rowCount == 1)
                }
                #expect(try await shipped.offenderCount() == 0)
            }
        }
    }
}

extension MarkFailedOutcome {
    fileprivate var isAlreadyFailed: Bool {
        if case .alreadyFailed = self { true } else { false }
    }
}

extension Shipped {
    /// Runs `body` with this release's datastore on connections of its own.
    func withDatastore(_ body: (Datastore) async throws -> Void) async throws {
        let pool = PostgresPool(configuration, maximumConnections: 2)
        do {
            try await body(Datastore(pool))
            await pool.shutDown()
        } catch {
            await pool.shutDown()
            throw error
        }
    }

    /// The identifier of a VMM that the previous release's statements number.
    fileprivate func id(_ number: Int64) async throws -> VMMID {
        try await connection.query("SELECT md5('vmm' || \(number))::uuid").one().decode(VMMID.self)
    }

    fileprivate func offenderCount() async throws -> Int64 {
        try await connection.query(
            "SELECT count(*) FROM vmm WHERE (state = 'failed') <> (failure_reason IS NOT NULL)"
        ).one().decode(Int64.self)
    }
}
