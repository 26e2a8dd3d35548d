import Foundation
import Postgres
import TestSupport
import Testing
import VMMDatastore
import VMMModel

/// A database of a test's own, at version 2 of the schema unless told otherwise, with a datastore on it.
struct DatastoreHarness: DatastoreSite {
    let database: TestDatabase
    let pool: PostgresPool
    let datastore: Datastore

    static func run(version: Int = 2, _ body: (DatastoreHarness) async throws -> Void) async throws {
        try await withDatabase { database in
            let configuration = try database.configuration
            let pool = PostgresPool(configuration, maximumConnections: 8)
            let harness = DatastoreHarness(database: database, pool: pool, datastore: Datastore(pool))
            do {
                try await harness.applyMigrations(through: version)
                try await body(harness)
                await pool.shutDown()
            } catch {
                await pool.shutDown()
                throw error
            }
        }
    }

    /// Lets rows in that the finished schema refuses or completes: older ones, or broken ones.
    func dropGuards() async throws {
        try await execute(
            """
            ALTER TABLE vmm DROP CONSTRAINT failure_reason_iff_failed;
            ALTER TABLE vmm DISABLE TRIGGER USER;
            """
        )
    }

    /// Returns once some session of this database waits for a lock.
    func waitForBlockedSession() async throws {
        var isBlocked = false
        while !isBlocked {
            isBlocked = try await pool.query(
                """
                SELECT EXISTS (
                  SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                )
                """
            ).one().decode(at: 0)
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// What the row's two columns of the state hold.
    func storedState(of id: VMMID) async throws -> (state: String, reason: String?) {
        try await pool.query("SELECT state::text, failure_reason::text FROM vmm WHERE id = \(id)").one()
            .decode(String.self, String?.self)
    }
}

/// A database at a version of the schema, and a datastore on it.
protocol DatastoreSite: Sendable {
    var pool: PostgresPool { get }
    var datastore: Datastore { get }
}

extension DatastoreSite {
    /// Runs the steps of the shipped migrations, which are plain SQL.
    func applyMigrations(through version: Int) async throws {
        for step in try Self.steps(through: version) {
            let sql = try String(contentsOf: step, encoding: .utf8)
            try await execute(sql)
        }
    }

    private static func steps(through version: Int) throws -> [URL] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "migrations")
        let folders = try FileManager.default.contentsOfDirectory(at: root, includingPropertiesForKeys: nil)
            .filter { Int($0.lastPathComponent.prefix(4)).map { $0 <= version } ?? false }
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
        try #require(folders.count == version)
        return try folders.flatMap { folder in
            try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
                .filter { $0.pathExtension == "sql" && !["down.sql", "verify.sql"].contains($0.lastPathComponent) }
                .sorted { $0.lastPathComponent < $1.lastPathComponent }
        }
    }

    func execute(_ sql: String) async throws {
        try await pool.withConnection { connection in
            _ = try await connection.execute(script: sql)
        }
    }

    /// Inserts a VMM with a runtime state.
    func insert(_ state: VMMState, generation: Int64 = 1, deletedAt: Timestamp? = nil) async throws -> VMM {
        var vmm = try Sample.vmm(state, generation: generation)
        vmm.timeDeleted = deletedAt
        let outcome = try await datastore.insert(vmm)
        #expect(outcome == .inserted(vmm))
        return vmm
    }
}

/// Values that tests share where their own do not matter.
enum Sample {
    static func time(_ microseconds: Int64) throws -> Timestamp {
        try Timestamp(microsecondsSince1970: microseconds)
    }

    static func runtime(_ state: VMMState, _ generation: Int64, at microseconds: Int64 = 1_700_000_000_000_001) throws
        -> VMMRuntimeState
    {
        VMMRuntimeState(state: state, generation: try Generation(generation), timeUpdated: try time(microseconds))
    }

    static func vmm(_ state: VMMState = .creating, generation: Int64 = 1) throws -> VMM {
        var vmm = VMM.new(
            instanceID: InstanceID(),
            sledID: SledID(),
            propolisIP: try #require(IPAddress("fd00:1122:3344:101::a")),
            cpuPlatform: .amdMilan
        )
        vmm.runtime = try runtime(state, generation)
        return vmm
    }

    /// Every VMM state, failures once for each reason.
    static let everyState: [VMMState] =
        [.creating, .starting, .running, .stopping, .stopped, .rebooting, .migrating, .destroyed, .sagaUnwound]
        + VMMFailureReason.allCases.map(VMMState.failed)
}
