import Postgres

/// Which rows keep a CHECK or NOT NULL from being added or validated: how many there are, and the keys of some.
///
/// The server says only that there are some. They are looked for once the step is rolled back, in read-only
/// transactions of limited time; nothing of a row is told but its key.
struct ViolatingRows: Sendable {
    let step: PlannedStep
    let store: HistoryStore
    let session: StepSession

    /// How many keys are told.
    private static let samples = 5
    /// How long the server may look.
    private static let patience = "30s"

    /// The same error, telling the rows as well where they can be found.
    func explain(_ error: MigrationError, _ connection: PostgresConnection) async -> MigrationError {
        // A statement that writes a wrong row has a detail; one that reads the table for a constraint has none.
        guard let server = (error.underlying as? PostgresError)?.server, server.detail == nil, let name = server.table
        else { return error }
        let table = QualifiedName(schema: server.schema, name: name)
        let found = try? await rows(of: table, server, connection)
        return found.map(error.adding) ?? error
    }

    /// What holds for the rows in question.
    private func condition(
        _ server: ServerError,
        _ table: QualifiedName,
        _ connection: PostgresConnection
    ) async throws -> String? {
        switch server.sqlState {
        case .notNullViolation: return server.column.map { "\(QualifiedName.quote($0)) IS NULL" }
        case .checkViolation:
            guard let name = server.constraint else { return nil }
            let known: PostgresQuery = """
                SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint
                WHERE conrelid = to_regclass(\(table.sql)) AND conname = \(name) AND contype = 'c'
                """
            let text = try await reading(connection) { try await $0.query(store.once(known)).zeroOrOne() }
            let expression = try text?.decode(String.self) ?? CheckExpression.find(name, in: step.step.file)
            return expression.map { "NOT (\($0)\n)" }
        default: return nil
        }
    }

    private func rows(
        of table: QualifiedName,
        _ server: ServerError,
        _ connection: PostgresConnection
    ) async throws -> String? {
        guard let condition = try await condition(server, table, connection) else { return nil }
        let key = try await RowKey.of(table, connection)
        let source = "FROM \(table.sql) WHERE \(condition)"
        let query = "SELECT \(key.text(of: table.sql)) \(source) LIMIT \(Self.samples)"
        let keys = try await reading(connection) { connection in
            try await connection.query(store.once(PostgresQuery(unsafeSQL: query))).map { try $0.decode(String.self) }
        }
        guard !keys.isEmpty else { return "none of its rows violates it any more" }
        let count = try? await reading(connection) { connection in
            let query = PostgresQuery(unsafeSQL: "SELECT count(*) \(source)")
            return try await connection.query(store.once(query)).one().decode(Int64.self)
        }
        let many = count.map { "\($0) \($0 == 1 ? "row violates" : "rows violate")" } ?? "rows beyond counting violate"
        return "\(many) it, for example \(keys.joined(separator: "; "))"
    }

    /// As the step's role, with its search path.
    private func reading<Value: Sendable>(
        _ connection: PostgresConnection,
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        var options = TransactionOptions.readOnly
        options.settings = ["statement_timeout": Self.patience, "lock_timeout": "1s"]
        if let role = session.role { options.settings["role"] = role }
        return try await connection.withTransaction(options) { connection in
            if let path = session.searchPath {
                try await connection.execute(
                    script: "SELECT set_config('search_path', \(PostgresQuery.quote(literal: path)), true)"
                )
            }
            return try await body(connection)
        }
    }
}

/// Finds a constraint that is not in the catalog, because its step was rolled back, in the step's text.
enum CheckExpression {
    /// The expression of the CHECK of this name, or of the only one that the text has.
    static func find(_ name: String, in file: SQLFile) -> String? {
        guard let script = try? SQLScript(file.text) else { return nil }
        let tokens = script.tokens
        let checks = tokens.indices.filter { script.isKeyword(tokens[$0], "check") }
        let named = checks.first { check in
            guard check >= 2, script.isKeyword(tokens[check - 2], "constraint") else { return false }
            let text = String(decoding: script.bytes[tokens[check - 1].range], as: UTF8.self)
            return QualifiedName(sql: text)?.name == name
        }
        guard let check = named ?? (checks.count == 1 ? checks.first : nil) else { return nil }
        return parenthesis(behind: check, script)
    }

    private static func parenthesis(behind check: Int, _ script: SQLScript) -> String? {
        let tokens = script.tokens[(check + 1)...]
        guard tokens.first?.kind == .punctuation(0x28) else { return nil }
        var depth = 0
        for token in tokens {
            if token.kind == .punctuation(0x28) { depth += 1 }
            if token.kind == .punctuation(0x29) { depth -= 1 }
            guard depth == 0 else { continue }
            let range = tokens[check + 1].range.lowerBound..<token.range.upperBound
            return String(decoding: script.bytes[range], as: UTF8.self)
        }
        return nil
    }
}
