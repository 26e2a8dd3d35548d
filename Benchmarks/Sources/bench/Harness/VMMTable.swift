import Postgres
import Synchronization
import VMMDatastore
import VMMModel

/// A table of VMMs, and updates for it that are always newer than what it holds.
final class VMMTable: Sendable {
    let configuration: PostgresConfiguration
    let connectionString: String
    /// Of the VMMs that are not deleted, in order; of a very large table, of a million or so all over it.
    let ids: [VMMID]
    private let lastBase = Atomic<Int64>(0)

    private init(_ configuration: PostgresConfiguration, _ connectionString: String, _ ids: [VMMID]) {
        self.configuration = configuration
        self.connectionString = connectionString
        self.ids = ids
    }

    static func open(
        _ configuration: PostgresConfiguration,
        _ connectionString: String,
        rows count: Int
    ) async throws -> VMMTable {
        let percentage = min(100, 100_000_000 / Double(count))
        let rows = try await PostgresConnection.withConnection(to: configuration) { connection in
            try await connection.query(
                """
                SELECT id FROM vmm TABLESAMPLE BERNOULLI (\(unsafeSQL: String(percentage))) REPEATABLE (1)
                WHERE time_deleted IS NULL ORDER BY id
                """
            )
        }
        return VMMTable(configuration, connectionString, try rows.map { try $0.decode(at: 0) })
    }

    /// Where the generations of the next turn begin: beyond all of earlier ones.
    func nextBase() -> Int64 { lastBase.wrappingAdd(1_000_000, ordering: .relaxed).newValue }

    /// The update with a number within its turn, as the program in C makes it.
    ///
    /// A prime stride: neighbours in time are no neighbours in the table.
    func update(_ number: Int, base: Int64) throws -> (id: VMMID, runtime: VMMRuntimeState) {
        let runtime = VMMRuntimeState(
            state: number.isMultiple(of: 2) ? .stopping : .running,
            generation: try Generation(base + Int64(number)),
            timeUpdated: try Timestamp(microsecondsSince1970: 1_746_684_800_000_000 + Int64(number))
        )
        return (ids[number * 7919 % ids.count], runtime)
    }
}

extension PostgresConnection {
    /// The text of the statement that this connection has prepared and that begins so, as the server keeps it.
    func preparedStatement(beginningWith start: String) async throws -> String {
        let rows = try await query(
            "SELECT statement FROM pg_prepared_statements WHERE starts_with(ltrim(statement), \(start))"
        )
        return try rows.one().decode(at: 0)
    }
}
