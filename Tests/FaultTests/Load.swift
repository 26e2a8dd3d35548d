import EphemeralPostgres
import Foundation
import Postgres
import SchemaMigrations
import TestSupport
import Testing
import VMMDatastore
import VMMModel

/// Services at work on one database: half of them connected directly, half through PgBouncer.
struct Load: Sendable {
    private static let writers = 64
    private static let readers = 8
    private static let scanners = 2
    /// Applied in the middle, while everybody works.
    private static let migration = [
        "0004_load/01_column.sql": "ALTER TABLE vmm ADD COLUMN IF NOT EXISTS load_note int",
        "0004_load/02_backfill.sql":
            "-- migrate: backfill table=vmm\nUPDATE vmm SET load_note = 0 WHERE load_note IS NULL",
        "0004_load/03_index.sql":
            "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS vmm_load_note ON vmm (load_note)",
    ]

    let configuration: PostgresConfiguration
    let log = LoadLog()
    private let vmms: [VMMID]

    /// Prepares the database `postgres` of a server.
    init(_ server: EphemeralServer) async throws {
        configuration = try PostgresConfiguration(server.connectionString(database: "postgres"))
        _ = try await Laboratory.migrator(try ShippedMigrations.source(), configuration).up(phase: .all)
        let pool = PostgresPool(configuration, maximumConnections: 1)
        let datastore = Datastore(pool)
        var ids: [VMMID] = []
        for number in 0..<1500 {
            var vmm = VMM.new(
                instanceID: InstanceID(),
                sledID: SledID(),
                propolisIP: try #require(IPAddress("fd00::1")),
                cpuPlatform: .amdMilan
            )
            // Those that are not worked on are abandoned.
            if number >= 500 { vmm.runtime.state = .destroyed }
            _ = try await datastore.insert(vmm)
            if number < 500 { ids.append(vmm.id) }
        }
        await pool.shutDown()
        vmms = ids
    }

    func run(through pooler: PgBouncer, for duration: Duration) async throws {
        let direct = PostgresPool(configuration, maximumConnections: 8)
        let pooled = PostgresPool(pooler.configuration, maximumConnections: 8)
        let end = ContinuousClock.now + duration
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<(Self.writers + Self.readers + Self.scanners) {
                let isPooled = number % 2 == 1
                let worker = LoadWorker(
                    datastore: Datastore(isPooled ? pooled : direct),
                    mayBounce: isPooled,
                    number: number,
                    vmms: vmms,
                    log: log
                )
                group.addTask {
                    switch number {
                    case ..<Self.writers: try await worker.write(until: end)
                    case ..<(Self.writers + Self.readers): try await worker.read(until: end)
                    default: try await worker.scan(until: end)
                    }
                }
            }
            group.addTask { try await bounce(pooler, [direct, pooled], every: duration / 4, until: end) }
            group.addTask { try await migrate(after: duration / 2) }
            group.addTask { try await watchMemory(min(.seconds(60), duration / 2), until: end) }
            try await group.waitForAll()
        }
        await direct.shutDown()
        await pooled.shutDown()
    }

    /// How many generations all VMMs together are beyond their first.
    func writtenGenerations() async throws -> Int64 {
        try await PostgresConnection.withConnection(to: configuration) { connection in
            try await connection.query("SELECT sum(state_generation - 1)::int8 FROM vmm").one().decode(at: 0)
        }
    }

    private func bounce(
        _ pooler: PgBouncer,
        _ pools: [PostgresPool],
        every pause: Duration,
        until end: ContinuousClock.Instant
    ) async throws {
        while ContinuousClock.now + pause < end {
            try await Task.sleep(for: pause)
            try await pooler.bounce()
            for pool in pools { pool.expireConnections() }
            log.note { $0.bounces += 1 }
        }
    }

    private func migrate(after pause: Duration) async throws {
        try await Task.sleep(for: pause)
        var files = try ShippedMigrations.files()
        files.merge(Self.migration) { $1 }
        let migrator = Laboratory.migrator(try MigrationSource(files: files), configuration)
        while true {
            log.note { $0.migrationTries += 1 }
            switch try await outcome({ try await migrator.up(phase: .all) }) {
            case .success: return log.note { $0.hasMigrated = true }
            // As deploy tools do: rather later than at the cost of those who work.
            case .failure(let error) where error.exitCode == .tryAgainLater: continue
            case .failure(let error): throw error
            }
        }
    }

    private func watchMemory(_ first: Duration, until end: ContinuousClock.Instant) async throws {
        try await Task.sleep(for: first)
        let memory = try Self.residentMemory()
        log.note { $0.memoryAtFirst = memory }
        try await Task.sleep(until: end, clock: .continuous)
        let last = try Self.residentMemory()
        log.note { $0.memoryAtEnd = last }
    }

    private static func residentMemory() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(Int(fields[1])) * sysconf(Int32(_SC_PAGESIZE))
    }
}

/// One of those who work.
struct LoadWorker: Sendable {
    let datastore: Datastore
    let mayBounce: Bool
    let number: Int
    let vmms: [VMMID]
    let log: LoadLog

    /// Moves VMMs on, each time to the generation after the one that was read.
    func write(until end: ContinuousClock.Instant) async throws {
        var random = FaultRun.random("writer \(number)")
        var count: Int64 = 0
        while ContinuousClock.now < end, let id = vmms.randomElement(using: &random) {
            count += 1
            // No two updates are alike, so that "already applied" tells of this one.
            let time = try Timestamp(microsecondsSince1970: Int64(number) * 1_000_000_000_000 + count)
            let states: [VMMState] = [.starting, .running, .stopping, .failed(.sledOff)]
            let state = states.randomElement(using: &random) ?? .running
            try await update(id, to: state, at: time)
        }
    }

    private func update(_ id: VMMID, to state: VMMState, at time: Timestamp) async throws {
        let vmm = try await log.measure(\.reads, mayBounce: mayBounce) { _ in try await datastore.fetchVMM(id) }
        let next = VMMRuntimeState(state: state, generation: try vmm.runtime.generation.next(), timeUpdated: time)
        let (outcome, wasRepeated) = try await log.measure(\.updates, mayBounce: mayBounce) { isRepeated in
            (try await datastore.updateRuntime(of: id, to: next), isRepeated)
        }
        log.note { state in
            if outcome.isApplied {
                state.acknowledged += 1
            } else if wasRepeated {
                state.overtaken += 1
            }
        }
    }

    func read(until end: ContinuousClock.Instant) async throws {
        var random = FaultRun.random("reader \(number)")
        while ContinuousClock.now < end, let id = vmms.randomElement(using: &random) {
            let page = try await log.measure(\.reads, mayBounce: mayBounce) { _ in
                try await datastore.vmms(after: id, limit: 20)
            }
            #expect(page.count <= 20)
        }
    }

    func scan(until end: ContinuousClock.Instant) async throws {
        while ContinuousClock.now < end {
            let count = try await log.measure(\.scans, mayBounce: mayBounce) { _ in
                try await datastore.withVMMs(matching: .abandoned) { vmms in
                    try await vmms.reduce(0) { count, _ in count + 1 }
                }
            }
            // Failed ones among those that are worked on are abandoned too.
            #expect(count >= 1000)
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
