import Foundation
import Postgres
import Testing
import VMMDatastore
import VMMModel

/// The rows that operations are tried on, the same before each try.
struct CutScene: Sendable {
    let running: VMM
    let failed: VMM
    let target: VMM
    /// Active on the running VMM, linked to no live migration.
    let instance: Instance
    /// Active on the running VMM too, linked to a live migration to the target.
    let moving: Instance
    /// Without a VMM, with a live migration that has failed on one side.
    let idle: Instance
    let locked: Instance
    let migration: LiveMigration
    let ofIdle: LiveMigration
    /// Rows that there are not yet.
    let newVMM: VMM
    let newMigration: LiveMigration
    let time: Timestamp

    /// A lock on ``locked``.
    var lock: UpdaterLock {
        get throws { try #require(UpdaterLock(of: locked)) }
    }

    init() throws {
        time = try Sample.time(1_700_000_500_000_000)
        running = try Sample.vmm(.running, generation: 3)
        failed = try Sample.vmm(.failed(.sledOff), generation: 3)
        target = try Sample.vmm(.migrating, generation: 2)
        instance = Sample.instanceRow(running.instanceID, active: running.id)
        idle = Sample.instanceRow()
        var locked = Sample.instanceRow()
        locked.updaterID = UpdaterID()
        locked.updaterGeneration = 4
        self.locked = locked
        let created = try Sample.time(1)
        migration = LiveMigration.new(instanceID: instance.id, from: running.id, to: target.id, at: created)
        var moving = Sample.instanceRow(active: running.id, target: target.id, generation: 5)
        moving.runtime.liveMigrationID = migration.id
        self.moving = moving
        var ofIdle = LiveMigration.new(instanceID: idle.id, from: VMMID(), to: running.id, at: created)
        ofIdle.source.state = .failed
        self.ofIdle = ofIdle
        newVMM = try Sample.vmm(.starting)
        newMigration = LiveMigration.new(instanceID: instance.id, from: running.id, to: target.id, at: created)
    }

    /// Inserts the rows and keeps copies of them.
    func build(_ harness: DatastoreHarness) async throws {
        for vmm in [running, failed, target] { _ = try await harness.datastore.insert(vmm) }
        for instance in [instance, moving, idle, locked] { try await harness.insertInstance(instance) }
        for migration in [migration, ofIdle] { _ = try await harness.datastore.insert(migration) }
        try await harness.execute(
            """
            ALTER TABLE vmm ADD CONSTRAINT refused CHECK (state_generation <> 666);
            CREATE SCHEMA saved; CREATE TABLE saved.vmm AS TABLE vmm; CREATE TABLE saved.instance AS TABLE instance;
            CREATE TABLE saved.migration AS TABLE migration;
            """
        )
    }

    /// Puts the rows back as they were.
    func reset(_ harness: DatastoreHarness) async throws {
        try await harness.execute(
            """
            BEGIN; DELETE FROM vmm; DELETE FROM instance; DELETE FROM migration;
            INSERT INTO vmm TABLE saved.vmm; INSERT INTO instance TABLE saved.instance;
            INSERT INTO migration TABLE saved.migration; COMMIT
            """
        )
    }

    /// All that the tables hold.
    static func contents(_ harness: DatastoreHarness) async throws -> String {
        try await harness.pool.query(
            """
            SELECT concat_ws(E'\n', (SELECT string_agg(vmm::text, E'\n' ORDER BY id) FROM vmm),
              (SELECT string_agg(instance::text, E'\n' ORDER BY id) FROM instance),
              (SELECT string_agg(migration::text, E'\n' ORDER BY id) FROM migration))
            """
        ).one().decode(at: 0)
    }
}
