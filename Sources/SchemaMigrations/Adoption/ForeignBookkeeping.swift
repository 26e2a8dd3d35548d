import Postgres

/// Reads another tool's bookkeeping table.
struct ForeignBookkeeping: Sendable {
    let tool: MigrationLayout
    /// The table as SQL names it; without a schema it is found by the `search_path`.
    let table: String

    /// - Throws: ``MigrationError`` for a tool without a table.
    init(tool: MigrationLayout, table: String?) throws(MigrationError) {
        guard let usual = tool.bookkeepingTable else {
            throw MigrationError(
                .unsupportedFeature,
                "\(tool.rawValue) is this engine's own layout; there is nothing to adopt",
                hint: "record versions as applied with \"migrate baseline --at\"",
                exitCode: .usage
            )
        }
        self.tool = tool
        self.table = table ?? usual.name
    }

    /// Reads what is applied.
    ///
    /// - Throws: ``MigrationError`` when there is no such table, when it is another tool's, and when the tool has left a
    ///   migration half-done: nobody but a person can tell what of it happened.
    func read(_ connection: PostgresConnection) async throws -> ForeignHistory {
        try await checkColumns(connection)
        return switch tool {
        case .golangMigrate: try await golangMigrate(connection)
        case .dbmate, .diesel: try await listOfVersions(connection)
        case .prisma: try await prisma(connection)
        case .flyway: try await flyway(connection)
        case .folders: ForeignHistory(tool: tool, table: table)
        }
    }

    private func checkColumns(_ connection: PostgresConnection) async throws {
        var question: PostgresQuery = """
            SELECT attname::text FROM pg_attribute
            WHERE attrelid = to_regclass(\(table)) AND attnum > 0 AND NOT attisdropped
            """
        question.isCacheable = false
        let found: Set<String> = Set(try await connection.query(question).map { try $0.decode(at: 0) })
        guard !found.isEmpty else {
            throw MigrationError(
                .noForeignBookkeeping,
                "the table \(table), in which \(tool.rawValue) keeps its books, is not in this database",
                hint: "name it with --from-table, with its schema"
            )
        }
        if let missing = tool.bookkeepingTable?.columns.first(where: { !found.contains($0) }) {
            throw MigrationError(
                .noForeignBookkeeping,
                "the table \(table) is not \(tool.rawValue)'s: it has no column \(missing)",
                hint: "name the tool that these migrations were applied with"
            )
        }
    }

    private func rows(_ columns: String, _ rest: String, _ connection: PostgresConnection) async throws -> PostgresRows
    {
        var query = PostgresQuery(unsafeSQL: "SELECT \(columns) FROM \(table) \(rest)")
        query.isCacheable = false
        return try await connection.query(query)
    }

    private func golangMigrate(_ connection: PostgresConnection) async throws -> ForeignHistory {
        var history = ForeignHistory(tool: tool, table: table)
        guard let row = try await rows("version::text, dirty", "", connection).zeroOrOne() else { return history }
        let (version, isDirty) = try row.decode(String.self, Bool.self)
        if isDirty {
            throw halfDone(
                "version \(version) is marked dirty in \(table): golang-migrate did not finish it",
                "finish or undo it by hand, say so with golang-migrate's \"force\", and try again"
            )
        }
        history.through = version
        return history
    }

    private func listOfVersions(_ connection: PostgresConnection) async throws -> ForeignHistory {
        let versions: [String] = try await rows("version::text", "ORDER BY 1", connection).map { try $0.decode(at: 0) }
        return ForeignHistory(tool: tool, table: table, entries: versions.map { ForeignHistory.Entry(version: $0) })
    }

    private func prisma(_ connection: PostgresConnection) async throws -> ForeignHistory {
        var history = ForeignHistory(tool: tool, table: table)
        let columns = "migration_name::text, checksum::text, finished_at IS NOT NULL"
        for row in try await rows(columns, "WHERE rolled_back_at IS NULL ORDER BY started_at", connection) {
            let (name, checksum, isFinished) = try row.decode(String.self, String.self, Bool.self)
            guard isFinished else {
                throw halfDone(
                    "\(name) is begun and not finished in \(table)",
                    "finish or undo it by hand, say so with \"prisma migrate resolve\", and try again"
                )
            }
            let version = String(name.prefix { $0.isASCII && $0.isNumber })
            history.entries.append(ForeignHistory.Entry(version: version, checksum: .sha256(checksum)))
        }
        return history
    }

    private func flyway(_ connection: PostgresConnection) async throws -> ForeignHistory {
        var history = ForeignHistory(tool: tool, table: table)
        let columns = "version::text, type::text, script::text, checksum::int, success"
        for row in try await rows(columns, "WHERE version IS NOT NULL ORDER BY installed_rank", connection) {
            let (version, type, script, checksum, isDone) = try row.decode(
                String.self,
                String.self,
                String.self,
                Int32?.self,
                Bool.self
            )
            guard isDone else {
                throw halfDone(
                    "\(script) has failed, as \(table) says",
                    "finish or undo it by hand, run \"flyway repair\", and try again"
                )
            }
            switch type {
            case "BASELINE": history.through = version
            case "DELETE", "UNDO_SQL": history.entries.removeAll { $0.version == version }
            default:
                let kept = checksum.map { ForeignChecksum.crc32($0) }
                history.entries.append(ForeignHistory.Entry(version: version, checksum: kept))
            }
        }
        return history
    }

    private func halfDone(_ message: String, _ hint: String) -> MigrationError {
        MigrationError(.foreignHalfDone, message, hint: hint, exitCode: .needsHuman)
    }
}

extension MigrationLayout {
    /// The table in which the layout's tool keeps its books, and the columns by which it is known.
    var bookkeepingTable: (name: String, columns: [String])? {
        switch self {
        case .folders: nil
        case .golangMigrate: ("schema_migrations", ["version", "dirty"])
        case .dbmate: ("schema_migrations", ["version"])
        case .diesel: ("__diesel_schema_migrations", ["version", "run_on"])
        case .prisma: ("_prisma_migrations", ["migration_name", "checksum", "finished_at", "rolled_back_at"])
        case .flyway: ("flyway_schema_history", ["installed_rank", "version", "type", "script", "checksum", "success"])
        }
    }
}

extension MigrationError.Code {
    /// The other tool's bookkeeping table is not there.
    public static let noForeignBookkeeping = Self(rawValue: "no_foreign_bookkeeping")
    /// The other tool has left a migration half-done.
    public static let foreignHalfDone = Self(rawValue: "foreign_half_done")
    /// What the other tool has applied and the files do not agree.
    public static let foreignDisagreement = Self(rawValue: "foreign_disagreement")
}
