import SchemaMigrations
import TestSupport
import Testing
import VMMDatastore

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

    @Test func `version 3 waits until the last service that knows no reasons is gone, and keeps further ones out`()
        async throws
    {
        try await Shipped.with { shipped in
            _ = try await shipped.migrator().up(to: shipped.target(2))
            let old = try await shipped.enter(release: 1, requiring: 1)
            let new = try await shipped.enter(release: Datastore.schemaVersion, requiring: 2)
            let error = await #expect(throws: MigrationError.self) {
                _ = try await shipped.migrator().up(phase: .all)
            }
            #expect(error?.code == .servicesInTheWay && error?.exitCode == .tryAgainLater)
            #expect(error?.message.contains("release 1,") == true)
            #expect(error?.message.contains("release \(Datastore.schemaVersion),") == false)
            await old.leave()
            #expect(try await shipped.migrator().up(phase: .all).completed.map(\.number) == [3])
            #expect(new.failure == nil)
            let late = await #expect(throws: MigrationError.self) { _ = try await shipped.enter(release: 1) }
            #expect(late?.code == .schemaAhead)
            try await shipped.enter(release: Datastore.schemaVersion, requiring: 2).leave()
            await new.leave()
        }
    }

    @Test func `a service of this release waits for version 2, which is what its datastore needs`() async throws {
        try await Shipped.with { shipped in
            let release = Datastore.schemaVersion
            let needed = Int64(release)
            _ = try await shipped.migrator().up(to: shipped.target(needed - 1))
            let early = await #expect(throws: MigrationError.self) {
                _ = try await shipped.enter(release: release, requiring: needed)
            }
            #expect(early?.code == .schemaBehind)
            try await shipped.withDatastore { datastore in
                await #expect(throws: SchemaMismatch.self) { try await datastore.checkSchema() }
            }
            _ = try await shipped.migrator().up(to: shipped.target(needed))
            let gate = try await shipped.enter(release: release, requiring: needed)
            try await shipped.withDatastore { _ = try await $0.checkSchema() }
            await gate.leave()
        }
    }
}

extension Shipped {
    /// Starts a service of a release, which needs a version and does not wait for it.
    fileprivate func enter(release: Int32, requiring version: Int64? = nil) async throws -> SchemaGate {
        try await SchemaGate.ensureCompatible(
            with: configuration,
            release: release,
            requiring: try version.map { try self.version($0) }
        )
    }
}
