import Postgres
import Testing

/// Uses the module as another package would: what does not compile here cannot be used by anyone.
private struct SledRow: PostgresRecord {
    static let columnNames = ["id", "rack", "kind"]
    let id: SledID
    let rack: String?
    let kind: Kind

    init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        id = try columns.next()
        rack = try columns.next()
        kind = try columns.next()
    }
}

private struct SledID: PostgresCodable, Hashable {
    var rawValue: Int64

    static var postgresType: PostgresType { .int8 }
    static var postgresArrayType: PostgresType { .int8Array }
    func encode(to encoder: inout PostgresEncoder) throws(PostgresError) { rawValue.encode(to: &encoder) }
    static func canDecode(_ type: PostgresType) -> Bool { Int64.canDecode(type) }
    static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> SledID {
        SledID(rawValue: try Int64.decode(bytes, type: type))
    }
}

private enum Kind: String, CaseIterable, PostgresEnum {
    case gimlet
    case cosmo
}

private func useConnection(_ configuration: PostgresConfiguration) async throws -> [SledRow] {
    try await PostgresConnection.withConnection(to: configuration) { connection in
        try await connection.execute(script: "SELECT 1", timeout: .seconds(1))
        let rack: String? = nil
        let rows = try await connection.query(
            "SELECT * FROM \(identifier: "sled") WHERE rack = \(rack) AND id = ANY(\([SledID(rawValue: 1)])) \(unsafeSQL: "")",
            timeout: .seconds(1)
        )
        for row in rows {
            let (id, kind) = try row.decode(SledID.self, Kind?.self)
            _ = (id, kind, try row.decode("id", as: SledID.self), try row.decode(at: 0, as: SledID?.self))
        }
        _ = (rows.columns.first?.name, rows.commandTag.rowCount, rows.commandTag.command)
        _ = (await connection.isInTransaction, await connection.serverVersion, await connection.isClosed)
        _ = (await connection.backendProcessID, await connection.reportedSetting("server_version"))
        return try await connection.withTransaction(.init(isolation: .serializable)) { connection in
            try await connection.withTransaction { try await $0.query("SELECT").one().decode(record: SledRow.self) }
            return try await connection.query("SELECT").decode(SledRow.self)
        }
    }
}

private struct Disk: PostgresComposite, PostgresCompositeEncodable {
    static let compositeName = "disk"
    let name: String
    let flags: PostgresBitString?

    init(from fields: inout PostgresCompositeFields) throws(PostgresError) {
        name = try fields.next()
        flags = try fields.next()
    }

    func encode(to fields: inout PostgresCompositeWriter) throws(PostgresError) {
        try fields.append(name)
        try fields.append(flags)
    }
}

private func useManyRows(_ configuration: PostgresConfiguration) async throws {
    try await PostgresConnection.withConnection(to: configuration) { connection in
        try await connection.copyRows("SELECT id, disk FROM sled") { rows in
            for try await row in rows {
                let (id, disk) = try row.decode(SledID.self, Disk.self)
                try await connection.query("INSERT INTO t VALUES (\(id), \([disk]))")
            }
        }
        try await connection.withTransaction { connection in
            try await connection.withCursor("SELECT", fetchSize: 10) { cursor in
                while let rows = try await cursor.next() { try await cursor.move(by: rows.count) }
            }
        }
        _ = try await connection.types.type(named: "disk", on: connection)?.sqlName
    }
}

private func usePoolOptions(_ configuration: PostgresConfiguration) async throws -> Int {
    var options = PostgresPool.Options()
    options.name = "probe"
    options.minimumConnections = 1
    options.maximumWaiters = 10
    options.maximumLifetime = nil
    options.minimumIdleConnections = 1
    options.reset = .custom { connection throws(PostgresError) in try await connection.query("RESET ALL") }
    options.prepareConnection = { connection throws(PostgresError) in try await connection.query("SET jit = off") }
    let pool = PostgresPool(configuration, options)
    var transaction = TransactionOptions(isolation: .serializable, isReadOnly: false, isDeferrable: false)
    transaction.checksConstraintsBeforeCommit = true
    transaction.lostCommitTimeout = .seconds(10)
    do {
        let count = try await pool.withTransaction(transaction, retry: TransactionRetry(maximumAttempts: 5)) {
            connection,
            attempt in
            try await connection.query("SELECT \(attempt)").count
        }
        try await pool.withConnection { connection in
            _ = try await connection.withTransaction(.serializable, retry: .standard) { _, attempt in attempt }
        }
        pool.expireConnections()
        await pool.shutDown(waitingUpTo: .seconds(1))
        return count
    } catch let error as PostgresError {
        await pool.shutDown()
        #expect(error.attempts == 1)
        throw error
    }
}

private func usePool(_ configuration: PostgresConfiguration) async throws -> Int {
    let pool = PostgresPool(configuration, maximumConnections: 4, acquireTimeout: .seconds(5))
    do {
        let count = try await pool.withConnection { try await $0.query("SELECT").count }
        try await pool.withTransaction(.readOnly) { _ = try await $0.query("SELECT") }
        try await pool.query("SELECT \(1)")
        await pool.shutDown()
        return count
    } catch let error as PostgresError where error.sqlState == .uniqueViolation || error.isRetryable {
        switch error.sqlState {
        case .integrityConstraintViolation?: return error.suppressed.count
        default: return error.mayHaveCommitted || error.nothingWasSent ? 1 : 0
        }
    }
}

struct PostgresProbe {
    @Test func `the entry points can be used from outside`() async throws {
        var configuration = try PostgresConfiguration("host=/nowhere/at-all dbname=d")
        configuration.connectTimeout = .seconds(5)
        configuration.applicationName = "probe"
        configuration.settings = [:]
        configuration.statementCacheSize = 0
        let other = configuration
        let uses: [() async throws -> Void] = [
            { _ = try await useConnection(other) },
            { try await useManyRows(other) },
            { _ = try await usePool(other) },
            { _ = try await usePoolOptions(other) },
        ]
        for use in uses {
            do {
                try await use()
                Issue.record("there is no server")
            } catch let error as PostgresError {
                #expect(error.code == .connectionFailed)
                #expect(error.code.description == "connectionFailed")
            }
        }
        #expect(PostgresQuery.quote(identifier: "a\"b") == "\"a\"\"b\"")
        #expect(PostgresQuery.quote(literal: "it's") == "'it''s'")
    }
}
