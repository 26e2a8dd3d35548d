import Postgres
import VMMDatastore
import VMMModel

/// An operation of the datastore on the rows of a ``CutScene``.
struct CutOperation: Sendable {
    /// What the operation leaves in the tables.
    enum Effect {
        case nothing
        /// All of it, or none.
        case whole
        /// Several transactions.
        case parts
    }

    typealias Call = @Sendable (Datastore, CutScene) async throws -> Void

    /// The function, and what tells it from others of its name.
    let function: String
    let subject: String
    let effect: Effect
    /// Calling again after success leaves the tables as they are.
    let call: Call

    var name: String { "\(function) (\(subject))" }

    private init(_ function: String, _ subject: String, _ effect: Effect, _ call: @escaping Call) {
        self.function = function
        self.subject = subject
        self.effect = effect
        self.call = call
    }

    static let all = vmmWrites + liveMigrationWrites + instanceWrites + vmmReads + instanceReads

    static let vmmWrites: [CutOperation] = [
        .init("insert", "VMM", .whole) { datastore, scene in
            _ = try await datastore.insert(scene.newVMM)
        },
        .init("updateRuntime", "VMM", .whole) { datastore, scene in
            _ = try await datastore.updateRuntime(of: scene.running.id, to: try Sample.runtime(.stopping, 7))
        },
        .init("updateRuntimes", "of three VMMs", .whole) { datastore, scene in
            let newer = try Sample.runtime(.failed(.sledOff), 8)
            _ = try await datastore.updateRuntimes(
                [scene.running, scene.failed, scene.target].map { (id: $0.id, runtime: newer) }
            )
        },
        .init("updateRuntimes", "one of them refused", .parts) { datastore, scene in
            _ = try await datastore.updateRuntimes([
                (scene.running.id, try Sample.runtime(.stopped, 8)),
                (scene.failed.id, try Sample.runtime(.stopped, 666)),
                (scene.target.id, try Sample.runtime(.stopped, 8)),
            ])
        },
        .init("updateRuntime", "report of a sled-agent", .whole) { datastore, scene in
            let report = SledVMMState(
                vmmState: try Sample.runtime(.stopped, 9),
                migrationIn: try `Live migrations`.report(scene.ofIdle.id, .completed, 6),
                migrationOut: try `Live migrations`.report(scene.migration.id, .failed, 6)
            )
            _ = try await datastore.updateRuntime(of: scene.running.id, to: report)
        },
        .init("markFailed", "VMM", .whole) { datastore, scene in
            _ = try await datastore.markFailed(scene.running.id, reason: .sledOff, at: scene.time)
        },
        .init("markSagaUnwound", "VMM", .whole) { datastore, scene in
            _ = try await datastore.markSagaUnwound(scene.failed.id, at: scene.time)
        },
        .init("markDeleted", "VMM", .whole) { datastore, scene in
            _ = try await datastore.markDeleted(scene.failed.id, at: scene.time)
        },
    ]

    static let liveMigrationWrites: [CutOperation] = [
        .init("insert", "live migration", .whole) { datastore, scene in
            _ = try await datastore.insert(scene.newMigration)
        },
        .init("updateRuntime", "side of a live migration", .whole) { datastore, scene in
            let report = try `Live migrations`.report(scene.migration.id, .inProgress, 5)
            _ = try await datastore.updateRuntime(of: .source, of: scene.running.id, to: report)
        },
        .init("markFailed", "live migration", .whole) { datastore, scene in
            _ = try await datastore.markFailed(scene.migration.id, at: scene.time)
        },
        .init("markDeleted", "live migration", .whole) { datastore, scene in
            _ = try await datastore.markDeleted(scene.migration.id, at: scene.time)
        },
        .init("markLiveMigrationsDeleted", "of an instance", .whole) { datastore, scene in
            try await datastore.markLiveMigrationsDeleted(of: scene.idle.id, at: scene.time)
        },
    ]

    static let instanceWrites: [CutOperation] = [
        .init("updateRuntime", "instance", .whole) { datastore, scene in
            var runtime = scene.instance.runtime
            runtime.generation = try Generation(12)
            runtime.timeUpdated = scene.time
            _ = try await datastore.updateRuntime(of: scene.instance.id, to: runtime)
        },
        .init("lock", "instance", .whole) { datastore, scene in
            _ = try await datastore.lock(scene.instance.id, for: Self.updater)
        },
        .init("inherit", "lock", .whole) { datastore, scene in
            _ = try await datastore.inherit(scene.lock, by: Self.updater)
        },
        .init("unlock", "lock", .whole) { datastore, scene in
            _ = try await datastore.unlock(scene.lock)
        },
        .init("commitUpdate", "under a lock", .whole) { datastore, scene in
            var runtime = scene.locked.runtime
            runtime.generation = try Generation(2)
            runtime.timeUpdated = scene.time
            _ = try await datastore.commitUpdate(under: scene.lock, runtime: runtime, intent: .stopped)
        },
        .init("setLiveMigration", "of an instance", .whole) { datastore, scene in
            _ = try await datastore.setLiveMigration(
                scene.migration.id,
                of: scene.instance.id,
                from: scene.running.id,
                to: scene.target.id,
                at: scene.time
            )
        },
        .init("unsetLiveMigration", "of an instance", .whole) { datastore, scene in
            _ = try await datastore.unsetLiveMigration(
                scene.migration.id,
                of: scene.moving.id,
                to: scene.target.id,
                at: scene.time
            )
        },
        .init("markDeleted", "instance", .whole) { datastore, scene in
            _ = try await datastore.markDeleted(scene.idle.id, at: scene.time)
        },
    ]

    private static let updater = UpdaterID()
}

extension CutOperation {
    static let vmmReads: [CutOperation] = [
        .init("fetchVMM", "live", .nothing) { datastore, scene in
            _ = try await datastore.fetchVMM(scene.running.id)
        },
        .init("fetchVMM", "in a transaction that reads", .nothing) { datastore, scene in
            _ = try await Datastore(datastore.pool, reading: .readOnly).fetchVMM(scene.running.id)
        },
        .init("inspectVMM", "live", .nothing) { datastore, scene in
            _ = try await datastore.inspectVMM(scene.running.id)
        },
        .init("vmms", "page", .nothing) { datastore, _ in _ = try await datastore.vmms(matching: .abandoned) },
        .init("withVMMs", "all", .nothing) { datastore, _ in
            try await datastore.withVMMs { vmms in for try await _ in vmms {} }
        },
        .init("countFailures", "by reason", .nothing) { datastore, _ in _ = try await datastore.countFailures() },
        .init("checkSchema", "all", .nothing) { datastore, _ in try await datastore.checkSchema() },
        .init("fetchLiveMigration", "live", .nothing) { datastore, scene in
            _ = try await datastore.fetchLiveMigration(scene.migration.id)
        },
        .init("liveMigrations", "of an instance", .nothing) { datastore, scene in
            _ = try await datastore.liveMigrations(of: scene.idle.id)
        },
    ]

    static let instanceReads: [CutOperation] = [
        .init("fetchInstance", "live", .nothing) { datastore, scene in
            _ = try await datastore.fetchInstance(scene.instance.id)
        },
        .init("fetchInstanceAndVMM", "live", .nothing) { datastore, scene in
            _ = try await datastore.fetchInstanceAndVMM(scene.instance.id)
        },
        .init("fetchSnapshot", "live", .nothing) { datastore, scene in
            _ = try await datastore.fetchSnapshot(of: scene.instance.id)
        },
        .init("fetchInstances", "two", .nothing) { datastore, scene in
            _ = try await datastore.fetchInstances([scene.instance.id, scene.idle.id])
        },
        .init("vmmsOnSleds", "page", .nothing) { datastore, _ in _ = try await datastore.vmmsOnSleds() },
        .init("instances", "whose VMM runs", .nothing) { datastore, _ in
            _ = try await datastore.instances(whoseActiveVMMIs: .running)
        },
        .init("instancesWithTerminatedLiveMigrations", "page", .nothing) { datastore, _ in
            _ = try await datastore.instancesWithTerminatedLiveMigrations()
        },
        .init("reincarnatableInstances", "page", .nothing) { datastore, scene in
            _ = try await datastore.reincarnatableInstances(at: scene.time)
        },
    ]
}
