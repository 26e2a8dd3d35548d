import Foundation
import Postgres
import VMMDatastore
import VMMModel

/// What services do so often that each instruction counts.
enum HotPath: String, CaseIterable {
    /// The guarded update of a VMM becomes a query with its parameters.
    case encode
    /// A row of the table `vmm` becomes a VMM.
    case decode
    /// A connection is lent by a warm pool and given back.
    case checkout
    /// A VMM is written to a COPY.
    case copy

    /// The columns of a VMM, as the table has them.
    static func prepare(_ configuration: PostgresConfiguration) async throws {
        let script = """
            CREATE TYPE vmm_state AS ENUM ('creating', 'running', 'failed');
            CREATE TYPE vmm_failure_reason AS ENUM ('prehistoric', 'sled_off');
            CREATE TYPE vmm_cpu_platform AS ENUM ('sled_default', 'amd_milan');
            CREATE TABLE vmm AS SELECT md5('vmm' || n)::uuid AS id, '2026-01-01Z'::timestamptz AS time_created,
                NULL::timestamptz AS time_deleted, md5('instance' || n)::uuid AS instance_id,
                md5('sled' || n)::uuid AS sled_id, 'fd00::'::inet + n AS propolis_ip, 12400 AS propolis_port,
                'amd_milan'::vmm_cpu_platform AS cpu_platform,
                CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'running' END::vmm_state AS state,
                CASE WHEN n % 10 = 0 THEN 'sled_off'::vmm_failure_reason END AS failure_reason,
                7::int8 AS state_generation, '2026-01-02Z'::timestamptz AS time_state_updated
            FROM generate_series(1, 1000) AS n;
            CREATE TABLE copied (LIKE vmm);
            """
        try await PostgresConnection.withConnection(to: configuration) { try await $0.execute(script: script) }
    }

    func walk(_ times: Int, _ configuration: PostgresConfiguration) async throws {
        switch self {
        case .encode: try Self.encode(times)
        case .decode: try await Self.decode(times, configuration)
        case .checkout: try await Self.checkOut(times, configuration)
        case .copy: try await Self.copy(times, configuration)
        }
    }

    private static func encode(_ times: Int) throws {
        let id = VMMID()
        for number in 0..<times {
            let runtime = VMMRuntimeState(
                state: .failed(.sledOff),
                generation: try Generation(Int64(number + 1)),
                timeUpdated: try Timestamp(microsecondsSince1970: 1_746_684_800_000_000)
            )
            consume(Datastore.updateRuntimeQuery(of: id, to: runtime))
        }
    }

    private static func decode(_ times: Int, _ configuration: PostgresConfiguration) async throws {
        let columns = VMM.columnNames.joined(separator: ", ")
        let rows = try await PostgresConnection.withConnection(to: configuration) { connection in
            try await connection.query("SELECT \(unsafeSQL: columns) FROM vmm")
        }
        for _ in 0..<times / 1000 { consume(try rows.decode(VMM.self)) }
    }

    private static func checkOut(_ times: Int, _ configuration: PostgresConfiguration) async throws {
        let pool = PostgresPool(configuration, maximumConnections: 1)
        // Long enough for the session to be looked at: what that costs the first time is then in each walk, however long.
        try await pool.withConnection { consume($0) }
        try await Task.sleep(for: .milliseconds(1100))
        for _ in 0..<times { try await pool.withConnection { consume($0) } }
        await pool.shutDown()
    }

    private static func copy(_ times: Int, _ configuration: PostgresConfiguration) async throws {
        let columns = VMM.columnNames
        try await PostgresConnection.withConnection(to: configuration) { connection in
            let rows = try await connection.query("SELECT \(unsafeSQL: columns.joined(separator: ", ")) FROM vmm")
            let vmms = try rows.decode(VMM.self)
            try await connection.copy(into: "copied", columns: columns) { writer in
                for number in 0..<times {
                    let vmm = vmms[number % vmms.count]
                    try await writer.write(
                        vmm.id,
                        vmm.timeCreated,
                        vmm.timeDeleted,
                        vmm.instanceID,
                        vmm.sledID,
                        vmm.propolisIP,
                        Int32(vmm.propolisPort),
                        vmm.cpuPlatform,
                        vmm.runtime.state.kind,
                        vmm.runtime.state.failureReason,
                        vmm.runtime.generation,
                        vmm.runtime.timeUpdated
                    )
                }
            }
        }
    }

    /// Keeps the optimiser from leaving out what nobody looks at.
    @inline(never)
    private static func consume<Value>(_ value: Value) {
        withExtendedLifetime(value) {}
    }
}
