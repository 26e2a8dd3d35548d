import Postgres
import Synchronization

/// Four writers of the previous release: each registers a VMM, moves one on, lets one fail, and so on until stopped.
final class Writers: Sendable {
    private let configuration: PostgresConfiguration
    private let isStopped = Atomic(false)
    private let isWatched = Atomic(false)

    init(_ configuration: PostgresConfiguration) {
        self.configuration = configuration
    }

    /// From now on the longest wait counts.
    func watch() { isWatched.store(true, ordering: .relaxed) }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// Writes until stopped.
    ///
    /// - Returns: the longest that one statement took, in milliseconds, and how many were refused.
    func write() async throws -> (stall: Double, errors: Int) {
        try await withThrowingTaskGroup(of: (stall: Double, errors: Int).self) { group in
            for writer in 0..<4 { group.addTask { try await self.write(as: writer) } }
            var result = (stall: 0.0, errors: 0)
            for try await one in group {
                result = (max(result.stall, one.stall), result.errors + one.errors)
            }
            return result
        }
    }

    private func write(as writer: Int) async throws -> (stall: Double, errors: Int) {
        try await PostgresConnection.withConnection(to: configuration) { connection in
            var (stall, errors, number) = (0.0, 0, writer)
            while !isStopped.load(ordering: .relaxed) {
                number = (number + 7919) % 100_000
                for statement in Self.statements(number) {
                    let start = Meter.time()
                    do throws(PostgresError) {
                        try await connection.query(statement)
                    } catch {
                        guard error.sqlState == .checkViolation else { throw error }
                        errors += 1
                    }
                    if isWatched.load(ordering: .relaxed) { stall = max(stall, Double(Meter.time() - start) / 1e6) }
                }
            }
            return (stall, errors)
        }
    }

    private static func statements(_ number: Int) -> [PostgresQuery] {
        [
            """
            INSERT INTO vmm (id, time_created, instance_id, time_state_updated, state_generation, sled_id, propolis_ip,
                propolis_port, state, cpu_platform)
            VALUES (gen_random_uuid(), now(), gen_random_uuid(), now(), 1, gen_random_uuid(), 'fd00::1', 12400,
                'creating', 'sled_default')
            """,
            """
            UPDATE vmm SET state = 'running', time_state_updated = now(), state_generation = state_generation + 1
            WHERE id = md5('vmm' || \(number))::uuid AND time_deleted IS NULL
            """,
            """
            UPDATE vmm SET state = 'failed', time_state_updated = now(), state_generation = state_generation + 1
            WHERE id = md5('vmm' || \(number + 1))::uuid AND time_deleted IS NULL
            """,
        ]
    }
}
