import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Every step may meet a database in which it has happened already.
@Suite struct IdempotenceTests {
    @Test func `each shipped step runs twice without a change`() async throws {
        try await Shipped.with { shipped in
            var before = try await shipped.state()
            for migration in shipped.source.migrations {
                for step in migration.steps {
                    try await shipped.apply(step, of: migration)
                    if step.name == "up", migration.version.number == 1 {
                        try await shipped.connection.execute(script: PreviousRelease.load(500))
                    }
                    let after = try await shipped.state()
                    #expect(after != before, "\(migration.folder)/\(step.name) changed nothing the first time")
                    try await shipped.connection.execute(script: step.file.text)
                    #expect(try await shipped.state() == after, "\(migration.folder)/\(step.name)")
                    before = after
                }
            }
            #expect(try await shipped.migrator().status().state == .upToDate)
        }
    }

    @Test func `every down script runs twice, and leads to the schema before its version`() async throws {
        try await Shipped.with { shipped in
            var schemas = [try await shipped.state().schema]
            for migration in shipped.source.migrations {
                _ = try await shipped.migrator().up(to: .version(migration.version))
                schemas.append(try await shipped.state().schema)
            }
            #expect(Set(schemas).count == shipped.source.migrations.count + 1)
            for (index, migration) in shipped.source.migrations.enumerated().reversed() {
                let down = try #require(migration.down)
                for _ in 1...2 {
                    try await shipped.connection.execute(script: down.text)
                    #expect(try await shipped.state().schema == schemas[index], "\(down.path)")
                }
            }
        }
    }
}

extension Shipped {
    /// Applies what is pending up to this step.
    fileprivate func apply(_ step: MigrationStep, of migration: Migration) async throws {
        let target = MigrationTarget.version(migration.version)
        if step.ordinal == migration.steps.count {
            _ = try await migrator().up(to: target)
        } else {
            try await migrator().up(to: target, pausingAfter: step.name, of: migration.version)
        }
    }
}
