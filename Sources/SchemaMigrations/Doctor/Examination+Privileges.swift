import Postgres

/// What the role may do.
extension Examination {
    func privileges(of pending: [PlannedStep]) async throws -> [Finding] {
        Self.or(
            .privileges,
            try await bookkeepingPrivileges() + stepPrivileges(of: pending),
            ok: "the role may write the bookkeeping and change the pending steps' tables"
        )
    }

    /// What the role that steps run as lacks.
    func stepPrivileges(of pending: [PlannedStep]) async throws -> [Finding] {
        let role = migrator.options.role
        let rows = try await ask(tablePrivileges(Self.tables(of: pending)), as: role)
        return try await creationPrivileges(of: pending, as: role)
            + rows.map { row in
                let (table, owner, lacks) = try row.decode(String.self, String.self, String.self)
                let message =
                    lacks == "owner"
                    ? "pending steps change \(table), which belongs to \(owner)"
                    : "pending steps need \(lacks) on \(table), which this role has not"
                let hint =
                    lacks == "owner"
                    ? "run as \(owner) or a member of it" : "GRANT \(lacks) ON \(table) TO CURRENT_USER, as \(owner)"
                return Finding(.privileges, .warning, message, hint: hint)
            }
    }

    /// Where the role may not create what pending steps create; a schema that is not there yet will be its own.
    private func creationPrivileges(of pending: [PlannedStep], as role: String?) async throws -> [Finding] {
        let statements = pending.flatMap { (try? $0.step.inspect())?.statements ?? [] }
        let schemas = Set(statements.compactMap { CreatedObject.schema(of: $0.sql) })
        let makesSchema = statements.contains { $0.kind == "CREATE SCHEMA" }
        guard !schemas.isEmpty || makesSchema else { return [] }
        return try await ask(
            """
            SELECT DISTINCT 'SCHEMA ' || quote_ident(n.nspname) FROM unnest(\(schemas.sorted())) AS w (name)
            JOIN pg_namespace AS n ON n.nspname = CASE w.name WHEN '' THEN current_schema() ELSE w.name END
            WHERE NOT has_schema_privilege(n.oid, 'CREATE')
            UNION ALL SELECT 'DATABASE ' || quote_ident(current_database())
            WHERE \(makesSchema) AND NOT has_database_privilege(current_database(), 'CREATE')
            ORDER BY 1
            """,
            as: role
        ).map { row in
            let place: String = try row.decode(at: 0)
            let message = "pending steps create objects in \(place), where this role may not"
            return Finding(.privileges, .warning, message, hint: "GRANT CREATE ON \(place) TO …")
        }
    }

    func bookkeepingPrivileges() async throws -> [Finding] {
        let schema = PostgresQuery.quote(identifier: store.schema)
        let row = try await ask(
            """
            SELECT to_regclass(\(store.control)) IS NOT NULL, to_regnamespace(\(schema)) IS NOT NULL,
                CASE WHEN to_regnamespace(\(schema)) IS NULL THEN has_database_privilege(current_database(), 'CREATE')
                ELSE has_schema_privilege(to_regnamespace(\(schema))::oid, 'CREATE') END
            """
        ).one()
        let (hasTables, hasSchema, mayCreate) = try row.decode(Bool.self, Bool.self, Bool.self)
        guard hasTables else {
            guard !mayCreate else { return [] }
            let what = hasSchema ? "create tables in schema \(store.schema)" : "create schema \(store.schema)"
            let hint = hasSchema ? "GRANT CREATE ON SCHEMA \(schema) TO …" : "GRANT CREATE ON DATABASE … TO …"
            return [
                Finding(.privileges, .problem, "the role may not \(what), where the history is to live", hint: hint)
            ]
        }
        return try await ask(
            """
            SELECT t.name, p.privilege
            FROM unnest(\([store.history, store.control, store.attempt, store.request, store.backfill]),
                \(["SELECT INSERT UPDATE DELETE", "SELECT UPDATE", "SELECT INSERT UPDATE", "SELECT",
                    "SELECT INSERT UPDATE DELETE"])) AS t (name, privileges),
                unnest(string_to_array(t.privileges, ' ')) AS p (privilege)
            WHERE NOT has_table_privilege(to_regclass(t.name)::oid, p.privilege)
            """
        ).map { row in
            let (table, privilege) = try row.decode(String.self, String.self)
            let hint = "GRANT \(privilege) ON \(table) TO …"
            return Finding(.privileges, .problem, "the role lacks \(privilege) on \(table)", hint: hint)
        }
    }

    private func tablePrivileges(_ tables: [QualifiedName: (mode: LockMode, kinds: Set<String>)]) -> PostgresQuery {
        var names: [String] = []
        var needs: [String] = []
        for (table, use) in tables {
            for need in Set(use.kinds.compactMap(Self.need)) {
                names.append(table.sql)
                needs.append(need)
            }
        }
        return """
            SELECT c.oid::regclass::text, pg_get_userbyid(c.relowner)::text, n.need
            FROM unnest(\(names), \(needs)) AS n (name, need) JOIN pg_class AS c ON c.oid = to_regclass(n.name)
            WHERE CASE n.need WHEN 'owner' THEN NOT pg_has_role(c.relowner, 'USAGE')
                ELSE NOT has_table_privilege(c.oid, n.need) END
            ORDER BY 1, 3
            """
    }

    /// What a kind of statement needs of its table; nil where it is not told by the kind.
    private static func need(_ kind: String) -> String? {
        let owners = [
            "ALTER TABLE", "CREATE INDEX", "CREATE UNIQUE INDEX", "DROP TABLE", "DROP INDEX", "REINDEX", "CLUSTER",
        ]
        if owners.contains(where: kind.hasPrefix) { return "owner" }
        return ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "SELECT"].first { kind == $0 }
    }
}

/// What a statement creates, as far as its first words tell.
enum CreatedObject {
    private static let kinds = ["TABLE", "VIEW", "TYPE", "DOMAIN", "SEQUENCE", "FUNCTION", "PROCEDURE"]

    /// The schema that it is created in, empty for the first one of the search path; nil where nothing is created that
    /// lives in a schema for good.
    static func schema(of sql: String) -> String? {
        var words = sql.split { $0.isWhitespace || $0 == "(" || $0 == ";" }[...]
        func skip(_ known: String...) -> Bool {
            guard words.prefix(known.count).map({ $0.uppercased() }) == known else { return false }
            words = words.dropFirst(known.count)
            return true
        }
        guard skip("CREATE") else { return nil }
        _ = skip("OR", "REPLACE")
        _ = skip("UNLOGGED")
        _ = skip("MATERIALIZED")
        guard let kind = words.popFirst()?.uppercased(), Self.kinds.contains(kind) else { return nil }
        _ = skip("IF", "NOT", "EXISTS")
        return words.first.flatMap { QualifiedName(sql: String($0)) }.map { $0.schema ?? "" }
    }
}
