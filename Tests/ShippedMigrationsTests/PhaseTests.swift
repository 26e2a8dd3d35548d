import SchemaMigrations
import TestSupport
import Testing

/// When support for the previous release ends.
@Suite struct PhaseTests {
    @Test func `an empty database gets every version`() async throws {
        try await Shipped.with { shipped in
            let result = try await shipped.migrator().up()
            #expect(result.completed.map(\.number) == [1, 2, 3])
            #expect(result.heldBack.isEmpty)
            #expect(result.exitCode == .done)
        }
    }

    @Test func `on a database with history, version 3 waits until it is asked for by phase`() async throws {
        try await Shipped.with { shipped in
            _ = try await shipped.migrator().up(to: shipped.target(1))
            let result = try await shipped.migrator().up()
            #expect(result.completed.map(\.number) == [2])
            #expect(result.heldBack.map(\.version.number) == [3])
            #expect(result.exitCode == .done)
            #expect(try await shipped.migrator().status().state == .contractPending)
            #expect(try await shipped.migrator().up().steps.isEmpty)
            #expect(try await shipped.migrator().up(phase: .all).completed.map(\.number) == [3])
        }
    }

    @Test func `on a database with history, version 3 waits until it is asked for by number`() async throws {
        try await Shipped.with { shipped in
            _ = try await shipped.migrator().up(to: shipped.target(2))
            #expect(try await shipped.migrator().up().steps.isEmpty)
            #expect(try await shipped.migrator().up(to: shipped.target(3)).completed.map(\.number) == [3])
        }
    }
}
