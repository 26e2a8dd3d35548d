import Postgres

/// Tells from the catalog what became of a statement that ran outside a transaction, and removes its leftovers.
enum Settlement: Sendable {
    /// CREATE INDEX CONCURRENTLY; cut short, it leaves an INVALID index that IF NOT EXISTS would take for the real one.
    case createIndex(name: String, table: QualifiedName)
    /// DROP INDEX CONCURRENTLY.
    case dropIndex(QualifiedName)
    /// ALTER TYPE … ADD VALUE.
    case addLabel(type: QualifiedName, label: String)
    /// CREATE DATABASE.
    case createDatabase(String)
    /// DROP DATABASE.
    case dropDatabase(String)
    /// REINDEX CONCURRENTLY; cut short, it leaves INVALID indexes named `…_ccnew` or `…_ccold` beside the old ones.
    case reindex(ReindexTarget)
    /// DETACH PARTITION CONCURRENTLY; cut short between its two transactions, only FINALIZE can end it.
    case detach(partition: QualifiedName, parent: QualifiedName)
    /// Harmless to run again: VACUUM, REINDEX, ALTER SYSTEM and the like.
    case repeatable
    /// Nothing is known about it.
    case unknown(String)

    init(step: MigrationStep) {
        guard let script = try? SQLScript(step.file.text), let statement = script.statements.first,
            let (type, body) = (try? script.parse(statement))?.typed
        else {
            self = .unknown("a statement that this grammar does not know")
            return
        }
        self = Self.known(type, body) ?? .unknown(type)
    }

    private static func known(_ type: String, _ body: ParseNode) -> Settlement? {
        switch type {
        case "IndexStmt":
            guard let name = body["idxname"].string, let table = StatementEffects.name(of: body["relation"]) else {
                return nil
            }
            return .createIndex(name: name, table: table)
        case "DropStmt":
            let names = body["objects"].elements.compactMap { qualified($0.body(of: "List")?["items"]) }
            return names.count == 1 ? .dropIndex(names[0]) : nil
        case "AlterEnumStmt":
            guard let name = qualified(body["typeName"]), let label = body["newVal"].string, !body["oldVal"].exists
            else {
                return nil
            }
            return .addLabel(type: name, label: label)
        case "CreatedbStmt": return body["dbname"].string.map { .createDatabase($0) }
        case "DropdbStmt": return body["dbname"].string.map { .dropDatabase($0) }
        case "ReindexStmt": return ReindexTarget(body).map { .reindex($0) } ?? .repeatable
        case "AlterTableStmt": return detachment(body)
        case "VacuumStmt", "AlterSystemStmt", "ClusterStmt", "RefreshMatViewStmt", "DiscardStmt":
            return .repeatable
        default: return nil
        }
    }

    private static func detachment(_ body: ParseNode) -> Settlement? {
        let commands = body["cmds"].elements.compactMap { $0.body(of: "AlterTableCmd") }
        guard commands.count == 1, let parent = StatementEffects.name(of: body["relation"]),
            ["AT_DetachPartition", "AT_DetachPartitionFinalize"].contains(commands[0]["subtype"].string),
            let partition = commands[0]["def"].body(of: "PartitionCmd").flatMap({
                StatementEffects.name(of: $0["name"])
            })
        else { return nil }
        return .detach(partition: partition, parent: parent)
    }

    private static func qualified(_ list: ParseNode?) -> QualifiedName? {
        let parts = list?.elements.compactMap { $0.body(of: "String")?["sval"].string } ?? []
        guard let name = parts.last, parts.count <= 2 else { return nil }
        return QualifiedName(schema: parts.count == 2 ? parts[0] : nil, name: name)
    }

    /// Whether the statement has had its effect, all of it.
    ///
    /// - Throws: ``MigrationError`` of code `unsettled` when only a person can tell.
    func isDone(_ step: PlannedStep, _ store: HistoryStore, _ connection: PostgresConnection) async throws -> Bool {
        let question: PostgresQuery
        switch self {
        case .createIndex(let name, let table):
            question = """
                SELECT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                WHERE c.relname = \(name) AND i.indrelid = to_regclass(\(table.sql)) AND i.indisvalid)
                """
        case .dropIndex(let name):
            question = "SELECT to_regclass(\(name.sql)) IS NULL"
        case .addLabel(let type, let label):
            question = """
                SELECT EXISTS (SELECT FROM pg_enum WHERE enumtypid = to_regtype(\(type.sql)) AND enumlabel = \(label))
                """
        case .createDatabase(let name):
            question = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = \(name))"
        case .dropDatabase(let name):
            question = "SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = \(name))"
        case .detach(let partition, let parent):
            question = """
                SELECT to_regclass(\(partition.sql)) IS NOT NULL AND NOT EXISTS (SELECT FROM pg_inherits
                WHERE inhrelid = to_regclass(\(partition.sql)) AND inhparent = to_regclass(\(parent.sql)))
                """
        case .repeatable, .reindex:
            return false
        case .unknown(let what):
            throw unsettled(what, step, store)
        }
        return try await connection.query(store.once(question)).one().decode(Bool.self)
    }

    /// Waits while a server process still builds an index on the table, for a runner that is gone.
    ///
    /// A server notices that its client was killed only when it has something to say. Removing the index meanwhile
    /// would end in a deadlock, and waste what was done.
    func waitWhileUnderWay(_ store: HistoryStore, _ connection: PostgresConnection) async throws {
        let question: PostgresQuery
        switch self {
        case .createIndex(_, let table):
            question = """
                SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE relid = to_regclass(\(table.sql))
                AND datname = current_database())
                """
        case .reindex(let target):
            question = """
                SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE datname = current_database()
                AND relid IN (SELECT indrelid FROM pg_index AS i WHERE \(unsafeSQL: target.indexes)))
                """
        default: return
        }
        while try await connection.query(store.once(question)).one().decode(Bool.self) {
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Removes INVALID indexes that an earlier attempt left behind, and ends a detachment that it had begun.
    func clearLeftovers(_ store: HistoryStore, _ connection: PostgresConnection) async throws {
        let condition: String
        switch self {
        case .createIndex(let name, let table):
            condition =
                "c.relname = \(PostgresQuery.quote(literal: name)) "
                + "AND i.indrelid = to_regclass(\(PostgresQuery.quote(literal: table.sql)))"
        case .reindex(let target):
            condition = "\(target.indexes) AND c.relname ~ '_cc(new|old)[0-9]*$'"
        case .detach(let partition, let parent):
            if try await isHalfDetached(partition, parent, store, connection) {
                try await connection.execute(
                    script: "ALTER TABLE \(parent.sql) DETACH PARTITION \(partition.sql) FINALIZE"
                )
            }
            return
        default: return
        }
        let leftovers = try await connection.query(
            store.once(
                """
                SELECT n.nspname::text, c.relname::text FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
                JOIN pg_namespace AS n ON n.oid = c.relnamespace
                WHERE NOT i.indisvalid AND \(unsafeSQL: condition)
                """
            )
        ).map { QualifiedName(schema: try $0.decode(at: 0), name: try $0.decode(at: 1)) }
        for leftover in leftovers { try await remove(leftover, connection) }
    }

    /// An INVALID index of a TOAST table can be dropped as any other, but by who may use the schema of these only.
    private func remove(_ leftover: QualifiedName, _ connection: PostgresConnection) async throws {
        let statement = "DROP INDEX CONCURRENTLY \(leftover.sql)"
        do throws(PostgresError) {
            try await connection.execute(script: statement)
        } catch {
            guard error.sqlState == .insufficientPrivilege else { throw error }
            throw MigrationError(
                .unsettled,
                "\(leftover), an INVALID index that an earlier attempt left behind, may not be removed by this role: "
                    + error.message,
                hint: "as a superuser: \(statement); then run \"migrate up\" again",
                exitCode: .needsHuman,
                underlying: error
            )
        }
    }

    private func isHalfDetached(
        _ partition: QualifiedName,
        _ parent: QualifiedName,
        _ store: HistoryStore,
        _ connection: PostgresConnection
    ) async throws -> Bool {
        try await connection.query(
            store.once(
                """
                SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(\(partition.sql))
                AND inhparent = to_regclass(\(parent.sql)) AND inhdetachpending)
                """
            )
        ).one().decode(Bool.self)
    }

    /// Looks, once the statement has ended well, whether it did what it was to do: `IF NOT EXISTS` ends well too where
    /// there is something else of the name.
    ///
    /// - Throws: ``MigrationError`` of code `unsettled`.
    func confirm(_ step: PlannedStep, _ store: HistoryStore, _ connection: PostgresConnection) async throws {
        switch self {
        case .repeatable, .unknown: return
        case .reindex(let target):
            let question: PostgresQuery = """
                SELECT count(*) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
                WHERE \(unsafeSQL: target.indexes) AND NOT i.indisvalid
                """
            let count = try await connection.query(store.once(question)).one().decode(Int64.self)
            guard count > 0 else { return }
        default:
            if try await isDone(step, store, connection) { return }
        }
        throw MigrationError(
            .unsettled,
            "\(step.label) ended without an error, but what it was to do is not there, or not valid",
            at: SourceLocation(file: step.step.file.path),
            hint: "look for something else of the same name, and remove it or mend the file; then run again",
            exitCode: .needsHuman
        )
    }

    private func unsettled(_ what: String, _ step: PlannedStep, _ store: HistoryStore) -> MigrationError {
        let line = "version = \(step.migration.version.number) AND step = \(step.step.ordinal)"
        return MigrationError(
            .unsettled,
            "\(step.label) was cut short, and the catalog does not tell whether it happened (\(what))",
            at: SourceLocation(file: step.step.file.path),
            hint: """
                look whether it happened. If it did: UPDATE \(store.history) SET outcome = 'applied' WHERE \(line). \
                If it did not: DELETE FROM \(store.history) WHERE \(line). Then run "migrate up" again
                """,
            exitCode: .needsHuman
        )
    }
}
