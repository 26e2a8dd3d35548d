import Postgres
import Synchronization

/// Looks, from a connection of its own, at who stands in the way of a step that waits for a lock.
final class BlockerWatch: Sendable {
    private let connection: PostgresConnection
    private let task: Task<Void, Never>
    private let last = Last()

    /// Begins to look, four times within each lock timeout.
    ///
    /// - Throws: `PostgresError` when no second connection can be had.
    init(_ configuration: PostgresConfiguration, watching process: Int32, every interval: Duration) async throws {
        let connection = try await PostgresConnection.connect(to: configuration)
        let last = last
        self.connection = connection
        task = Task {
            while !Task.isCancelled {
                if let found = try? await Self.blockers(of: process, connection), !found.isEmpty {
                    last.set(found.map(\.description).joined(separator: "; "))
                }
                try? await Task.sleep(for: interval)
            }
        }
    }

    /// Who was last seen in the way; nil when nobody was.
    var lastSeen: String? { last.get() }

    func stop() async {
        task.cancel()
        await connection.close()
    }

    private static func blockers(of process: Int32, _ connection: PostgresConnection) async throws -> [Blocker] {
        try await connection.query(
            """
            SELECT pid, coalesce(usename::text, '') AS role, application_name, backend_type,
                coalesce(state, '') AS state,
                coalesce(extract(epoch FROM clock_timestamp() - coalesce(xact_start, query_start)), 0)::float8 AS seconds
            FROM pg_stat_activity WHERE pid = ANY(pg_blocking_pids(\(process)))
            """
        ).decode(Blocker.self)
    }

    private final class Last: Sendable {
        private let text = Mutex<String?>(nil)

        func set(_ value: String) { text.withLock { $0 = value } }

        func get() -> String? { text.withLock { $0 } }
    }
}

/// A session that holds a lock somebody waits for.
///
/// Its query is not shown: it may hold values.
private struct Blocker: PostgresRecord, CustomStringConvertible {
    static let columnNames = ["pid", "role", "application_name", "backend_type", "state", "seconds"]

    let processID: Int32
    let role: String
    let application: String
    let backendType: String
    let state: String
    let seconds: Double

    init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        processID = try columns.next()
        role = try columns.next()
        application = try columns.next()
        backendType = try columns.next()
        state = try columns.next()
        seconds = try columns.next()
    }

    var description: String {
        guard backendType == "client backend" else { return "process \(processID) (\(backendType))" }
        let name = application.isEmpty ? "" : " \"\(application)\""
        let age = Duration.seconds(min(max(0, seconds), 1e9)).rounded
        return "process \(processID)\(name) of role \(role), \(state) for \(age)"
    }
}
