import Postgres
import VMMDatastore
import VMMModel

extension Benchmark {
    /// Prepared guarded updates with their outcomes, one after the other on one connection.
    static let guardedUpdate = Benchmark("guarded-update", "one connection, one update at a time") { stage in
        let table = try await stage.makeVMMs()
        return try await PostgresConnection.withConnection(to: table.configuration) { connection in
            // Prepared with its second use.
            for _ in 0..<2 { _ = try await connection.updates(5, of: table) }
            let sql = try await connection.preparedStatement(beginningWith: "WITH found")
            let count = 3000
            let rounds = try await Rounds.alternate(
                stage.turns(),
                [
                    Side("ours") { try await connection.updates(count, of: table) },
                    Side("C libpq") { try await table.baselineUpdates(count, sql) },
                ]
            )
            return [
                rounds.figure("guarded-update", .time, "ns", bar: .ratioAtMost(1.10)),
                rounds.figure("guarded-update p99", .p99, "ns", bar: .ratioAtMost(1.25)),
                rounds.figure("guarded-update client CPU", .cpu, "ns"),
                rounds.figure("guarded-update client CPU alone", .cpu, "ns", limit: 12_000),
            ]
        }
    }

    /// The same through a pool, by the call that services use.
    static let guardedUpdatePooled = Benchmark("guarded-update-pooled", "one updateRuntime at a time, pool") { stage in
        let table = try await stage.makeVMMs()
        let pool = PostgresPool(table.configuration, maximumConnections: 16)
        let datastore = Datastore(pool)
        for _ in 0..<2 { _ = try await datastore.updates(5, of: table) }
        let sql = try await pool.withConnection { try await $0.preparedStatement(beginningWith: "WITH found") }
        let count = 3000
        let rounds = try await Rounds.alternate(
            stage.turns(),
            [
                Side("ours") { try await datastore.updates(count, of: table) },
                Side("C libpq") { try await table.baselineUpdates(count, sql) },
            ]
        )
        await pool.shutDown()
        return [
            rounds.figure("guarded-update-pooled", .time, "ns", bar: .ratioAtMost(1.20)),
            rounds.figure("guarded-update-pooled p99", .p99, "ns"),
            rounds.figure("guarded-update-pooled client CPU", .cpu, "ns"),
        ]
    }
}

/// What a guarded update answers: whether it wrote, and the row as it was.
struct GuardedVMM: PostgresRecord {
    static let columnNames = ["was_written"] + VMM.columnNames
    let wasWritten: Bool
    let vmm: VMM

    init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        wasWritten = try columns.next()
        vmm = try VMM(from: &columns)
    }

    private static let foundColumns = VMM.columnNames.joined(separator: ", ")

    /// Made once, as the program in C prepares its statement once.
    private static let text = """
        WITH found AS (
          SELECT \(foundColumns) FROM vmm WHERE id = $1 FOR NO KEY UPDATE
        ), written AS (
          UPDATE vmm SET state = $2, failure_reason = $3, state_generation = $4, time_state_updated = $5 FROM found
          WHERE vmm.id = found.id AND found.time_deleted IS NULL AND found.state_generation < $4
          RETURNING vmm.id
        )
        SELECT EXISTS (SELECT FROM written) AS was_written, found.* FROM found
        """

    /// A guarded update as a user of the `Postgres` module writes it who sends it often.
    static func query(_ id: VMMID, _ runtime: VMMRuntimeState) -> PostgresQuery {
        var query = PostgresQuery(unsafeSQL: text, parameterCount: 5)
        query.bind(id)
        query.bind(runtime.state.kind)
        query.bind(runtime.state.failureReason)
        query.bind(runtime.generation)
        query.bind(runtime.timeUpdated)
        return query
    }
}

extension PostgresConnection {
    fileprivate func updates(_ count: Int, of table: VMMTable) async throws -> Turn {
        try await measureCalls(count, of: table) { id, runtime in
            try await query(GuardedVMM.query(id, runtime)).one().decode(record: GuardedVMM.self).wasWritten
        }
    }
}

extension Datastore {
    /// Guarded updates as a service makes them.
    fileprivate func updates(_ count: Int, of table: VMMTable) async throws -> Turn {
        try await measureCalls(count, of: table) { id, runtime in
            guard case .updated = try await updateRuntime(of: id, to: runtime) else { return false }
            return true
        }
    }
}

extension VMMTable {
    /// A turn of the program in C.
    fileprivate func baselineUpdates(_ count: Int, _ sql: String) async throws -> Turn {
        try await Programs.baselineTurn("guarded-update", connectionString, sql, Int64(count), nextBase())
    }
}

/// Measures calls one by one.
private func measureCalls(
    _ count: Int,
    of table: VMMTable,
    _ call: (VMMID, VMMRuntimeState) async throws -> Bool
) async throws -> Turn {
    let base = table.nextBase()
    var samples: [Double] = []
    samples.reserveCapacity(count)
    let meter = Meter()
    for number in 0..<count {
        let start = Meter.time()
        let (id, runtime) = try table.update(number, base: base)
        guard try await call(id, runtime) else { throw Programs.Failure(description: "an update was not written") }
        samples.append(Double(Meter.time() - start))
    }
    let (elapsed, cpu) = (meter.elapsed, meter.cpu)
    return [
        .time: samples.median, .p99: samples.quantile(0.99), .cpu: cpu / Double(count),
        .rate: Double(count) / elapsed * 1e9,
    ]
}
