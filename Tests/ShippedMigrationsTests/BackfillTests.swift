import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// What version 2 does with VMMs that exist already.
@Suite struct BackfillTests {
    @Test func `VMMs that failed before reasons were recorded are prehistoric, and no other has a reason`() async throws
    {
        try await Shipped.with { shipped in
            _ = try await shipped.migrator().up(to: shipped.target(1))
            try await shipped.insertFixture()
            _ = try await shipped.migrator().up(to: shipped.target(2))
            #expect(try await shipped.reasons(5) == Self.expected)
            #expect(try await shipped.rowsOfBackfill() == 2)
        }
    }

    @Test func `a reason that was recorded before the backfill stays`() async throws {
        try await Shipped.with { shipped in
            _ = try await shipped.migrator().up(to: shipped.target(1))
            try await shipped.insertFixture()
            let migrator = shipped.migrator()
            try await migrator.up(to: shipped.target(2), pausingAfter: "03_install_trigger", of: shipped.version(2))
            try await shipped.connection.query(PreviousRelease.insert(6, state: "running"))
            try await shipped.connection.query(
                "UPDATE vmm SET state = 'failed', failure_reason = 'sled_off' WHERE id = md5('vmm6')::uuid"
            )
            _ = try await migrator.up(to: shipped.target(2))
            #expect(try await shipped.reasons(6) == Self.expected + ["failed sled_off"])
            #expect(try await shipped.rowsOfBackfill() == 2)
        }
    }

    @Test func `a reason left on a VMM that has not failed is taken away`() async throws {
        try await Shipped.with { shipped in
            _ = try await shipped.migrator().up(to: shipped.target(1))
            let migrator = shipped.migrator()
            // Before the trigger nobody takes the reason away when a VMM leaves `failed`.
            try await migrator.up(to: shipped.target(2), pausingAfter: "02_add_column", of: shipped.version(2))
            try await shipped.connection.query(PreviousRelease.insert(1, state: "failed"))
            try await shipped.connection.execute(script: "UPDATE vmm SET failure_reason = 'sled_off'")
            try await shipped.connection.query(PreviousRelease.update(1, state: "running", generation: 2))
            #expect(try await shipped.reasons(1) == ["running sled_off"])
            _ = try await migrator.up(to: shipped.target(2))
            #expect(try await shipped.reasons(1) == ["running NULL"])
        }
    }

    private static let expected = [
        "failed prehistoric", "failed prehistoric", "running NULL", "saga_unwound NULL", "destroyed NULL",
    ]
}

extension Shipped {
    /// Five VMMs of the previous release; the second is soft-deleted.
    fileprivate func insertFixture() async throws {
        for (index, state) in ["failed", "failed", "running", "saga_unwound", "destroyed"].enumerated() {
            try await connection.query(PreviousRelease.insert(Int64(index + 1), state: state, isDeleted: index == 1))
        }
    }

    fileprivate func rowsOfBackfill() async throws -> Int64? {
        try await migrator().history().records.first { $0.kind == .backfill }?.rows
    }
}
