import Postgres
import TestSupport

/// Makes a pool on a database of its own and shuts it down afterwards.
func withPool<R>(
    logger: LogRecorder = LogRecorder(),
    _ adjust: (inout PostgresPool.Options) -> Void,
    _ body: (PostgresPool, TestDatabase) async throws -> R
) async throws -> R {
    try await withDatabase { database in
        var configuration = try database.configuration
        configuration.logger = logger.logger
        var options = PostgresPool.Options()
        adjust(&options)
        let pool = PostgresPool(configuration, options)
        do {
            let value = try await body(pool, database)
            await pool.shutDown()
            return value
        } catch {
            await pool.shutDown()
            throw error
        }
    }
}

extension PostgresPool {
    /// Opens so many connections by holding them at once; their server processes.
    func fill(_ count: Int) async throws -> Set<Int32> {
        guard count > 0 else { return [] }
        return try await withConnection { connection in
            try await fill(count - 1).union([connection.backendProcessID])
        }
    }

    var backendProcessID: Int32 {
        get async throws { try await withConnection { await $0.backendProcessID } }
    }
}

extension PostgresConnection {
    /// How many other sessions the database has.
    var otherSessions: Int {
        get async throws {
            try await value(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        }
    }
}
