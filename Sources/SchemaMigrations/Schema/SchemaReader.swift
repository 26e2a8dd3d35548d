import Postgres

/// Reads a database's schema as the catalog has it.
///
/// Any role may: the catalog is public. Nothing is written, and of locks only those that every reader takes.
struct SchemaReader: Sendable {
    private let query: CatalogQuery

    init(bookkeepingSchema: String) {
        query = CatalogQuery(bookkeepingSchema: bookkeepingSchema)
    }

    /// Reads every object, in one consistent view of the catalog.
    ///
    /// - Throws: `PostgresError`; `lockNotAvailable` when somebody keeps a view locked for five seconds.
    func snapshot(_ connection: PostgresConnection) async throws -> SchemaSnapshot {
        try await inView(connection) { connection, version in
            let rows = try await connection.query(query.objects)
            let objects = try rows.map { row in
                let (kind, name, definition) = try row.decode(String.self, String.self, String.self)
                return SchemaObject(kind: kind, name: name, definition: definition)
            }
            return SchemaSnapshot(objects: objects, serverVersion: version)
        }
    }

    /// The same as the snapshot's fingerprint, computed by the server.
    ///
    /// - Throws: as ``snapshot(_:)``.
    func fingerprint(_ connection: PostgresConnection) async throws -> SchemaFingerprint {
        try await inView(connection) { try await fingerprint(inTransactionOf: $0, serverVersion: $1) }
    }

    /// The fingerprint as the open transaction sees it; its settings stay changed until it ends.
    func fingerprint(inTransactionOf connection: PostgresConnection) async throws -> SchemaFingerprint {
        let version = try await prepare(connection)
        return try await fingerprint(inTransactionOf: connection, serverVersion: version)
    }

    private func fingerprint(
        inTransactionOf connection: PostgresConnection,
        serverVersion: Int
    ) async throws -> SchemaFingerprint {
        let hex = try await connection.query(query.digest).one().decode(String.self)
        return SchemaFingerprint(serverVersion: serverVersion, hex: hex)
    }

    private func inView<Value: Sendable>(
        _ connection: PostgresConnection,
        _ body: (PostgresConnection, Int) async throws -> Value
    ) async throws -> Value {
        let options = TransactionOptions(isolation: .repeatableRead, isReadOnly: true)
        var attempt = 1
        while true {
            do {
                return try await connection.withTransaction(options) { connection in
                    try await body(connection, try await prepare(connection))
                }
            } catch let error as PostgresError where error.code == .server && error.sawVanishedObject && attempt < 5 {
                // Definitions are read as of now, names as of the beginning: somebody dropped one in between.
                attempt += 1
            }
        }
    }

    /// Returns the server's major version.
    private func prepare(_ connection: PostgresConnection) async throws -> Int {
        try await connection.execute(script: "\(CatalogQuery.settings); SET LOCAL lock_timeout = '5s'")
        return await connection.serverVersion / 10_000
    }
}

extension PostgresError {
    /// The catalog's functions met an object that had just been dropped.
    fileprivate var sawVanishedObject: Bool {
        guard let state = sqlState?.rawValue else { return false }
        return ["XX000", "42P01", "42704", "42883"].contains(state)
    }
}
