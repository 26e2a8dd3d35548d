import Testing
import VMMDatastore

/// The lists of columns and labels in the code against the schema that the migrations make, both ways.
@Suite struct `The schema and the code` {
    @Test(arguments: [2, 3])
    func `agree in columns, order, types, nullability and labels`(version: Int) async throws {
        try await DatastoreHarness.run { harness in
            if version == 3 { try await harness.applyMigrations(through: 3) }
            #expect(try await harness.datastore.checkSchema() == [])
        }
    }

    /// A change of the schema, what it is found in, and whether the datastore can work with it.
    private static let changes: [(sql: String, object: String, isHarmful: Bool)] = [
        ("ALTER TABLE vmm DROP COLUMN failure_reason CASCADE", "column vmm.failure_reason", true),
        ("ALTER TABLE vmm ALTER time_deleted SET NOT NULL", "column vmm.time_deleted", true),
        ("ALTER TABLE vmm ALTER sled_id DROP NOT NULL", "column vmm.sled_id", true),
        ("ALTER TABLE vmm ALTER propolis_port TYPE bigint", "column vmm.propolis_port", true),
        ("ALTER TABLE vmm RENAME state_generation TO generation", "column vmm.state_generation", true),
        ("ALTER TABLE vmm ADD extra int", "column vmm.extra", false),
        ("ALTER TABLE vmm ADD extra int NOT NULL DEFAULT 1", "column vmm.extra", false),
        ("ALTER TABLE migration ADD extra int NOT NULL", "column migration.extra", true),
        ("ALTER TABLE instance ALTER description TYPE text", "column instance.description", true),
        (
            "ALTER TABLE instance DROP updater_gen; ALTER TABLE instance ADD updater_gen bigint NOT NULL",
            "column instance.updater_gen", false
        ),
        ("ALTER TYPE vmm_failure_reason ADD VALUE 'meteorite'", "type vmm_failure_reason", false),
        ("ALTER TYPE vmm_state RENAME VALUE 'rebooting' TO 'resetting'", "type vmm_state", true),
        ("ALTER TYPE migration_state RENAME TO live_migration_state", "type migration_state", true),
        ("ALTER TABLE migration RENAME TO live_migration", "table migration", true),
    ]

    @Test(arguments: changes.indices)
    func `a difference is found, and told to be harmful or not`(index: Int) async throws {
        let change = Self.changes[index]
        try await DatastoreHarness.run { harness in
            try await harness.execute("DROP VIEW sled_instance")
            try await harness.execute(change.sql)
            let differences: [SchemaDifference]
            do {
                differences = try await harness.datastore.checkSchema()
                #expect(!change.isHarmful)
            } catch let error as SchemaMismatch {
                differences = error.differences
                #expect(change.isHarmful)
                #expect(error.description.contains(change.object))
            }
            let found = try #require(differences.first { $0.object == change.object })
            #expect(found.preventsService == change.isHarmful)
        }
    }

    @Test func `a database without the column of reasons is named as that`() async throws {
        try await DatastoreHarness.run(version: 1) { harness in
            let error = await #expect(throws: SchemaMismatch.self) { try await harness.datastore.checkSchema() }
            let objects = error?.differences.filter(\.preventsService).map(\.object)
            #expect(objects == ["column vmm.failure_reason", "type vmm_failure_reason"])
        }
    }
}
