public import Postgres

/// A connection that a test left unusable.
public struct UnusableConnection: Error, CustomStringConvertible {
    /// What was found.
    public let description: String
}

extension TestDatabase {
    /// How the Postgres module reaches the database.
    ///
    /// - Throws: `PostgresError` when the connection string cannot be read.
    public var configuration: PostgresConfiguration {
        get throws { try PostgresConfiguration(connectionString) }
    }

    /// Lends a connection to `body` and requires that it is usable afterwards: open, idle, and answering.
    ///
    /// - Throws: what connecting and `body` throw; ``UnusableConnection``.
    @discardableResult
    public func connect<R>(
        _ adjust: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        var configuration = try configuration
        adjust(&configuration)
        return try await PostgresConnection.withConnection(to: configuration) { connection in
            let value = try await body(connection)
            if await connection.isClosed { throw UnusableConnection(description: "the connection is closed") }
            if await connection.isInTransaction { throw UnusableConnection(description: "a transaction is open") }
            let answer = try await connection.query("SELECT 42").one().decode(at: 0, as: Int.self)
            guard answer == 42 else { throw UnusableConnection(description: "SELECT 42 answered \(answer)") }
            return value
        }
    }
}
