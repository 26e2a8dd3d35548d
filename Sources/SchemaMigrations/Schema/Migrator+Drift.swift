public import Postgres

extension Migrator {
    /// Compares the live schema with what its migrations make, object by object.
    ///
    /// The live database is only read. The applied migrations run on `scratch`, an empty database that is left as they
    /// make it.
    ///
    /// - Parameter scratch: An empty database, on a server of the same major version if possible.
    /// - Returns: What differs; nothing does if all is well.
    /// - Throws: ``MigrationError`` when files and history disagree, `scratch` is not empty, or the migrations cannot
    ///   be built there.
    public func drift(against scratch: PostgresConfiguration) async throws -> SchemaDrift {
        let (history, recorded, found) = try await onConnection { connection in
            let history = try await store.readAlone(connection)
            let recorded = history.records.isEmpty ? [:] : try await store.fingerprints(connection)
            return (history, recorded, try await SchemaReader(bookkeepingSchema: store.schema).snapshot(connection))
        }
        let plan = try MigrationPlan.make(
            source: source,
            history: history,
            allowsOutOfOrder: options.allowsOutOfOrder
        )
        if let error = plan.blockingError { throw error }
        let build = SchemaBuild(source: source.applied(by: history), options: options, scratch: scratch)
        let (expected, built) = try await build.run()
        return SchemaDrift(
            expected: expected,
            found: found,
            version: plan.current,
            // With the spelling of the files, for messages.
            recorded: Dictionary(uniqueKeysWithValues: recorded.map { (source[$0]?.version ?? $0, $1) }),
            built: built
        )
    }

    /// Makes the server of an empty database resemble the live one in what migrations may name: roles get the same
    /// names, without any right, and the database the same `search_path`.
    ///
    /// For a private server only: roles belong to all databases of a server.
    ///
    /// - Throws: ``MigrationError``.
    public func prepare(scratch: PostgresConfiguration) async throws {
        let (roles, path) = try await onConnection { connection in
            let roles = try await connection.query("SELECT rolname::text FROM pg_roles WHERE rolname !~ '^pg_'")
            let path = try await connection.query("SELECT current_setting('search_path')").one().decode(String.self)
            return (try roles.map { try $0.decode(at: 0, as: String.self) }, path)
        }
        let target = Migrator(source: source, database: scratch, options: options)
        try await target.onConnection { connection in
            let present = try await connection.query("SELECT rolname::text FROM pg_roles")
            let known = Set(try present.map { try $0.decode(at: 0, as: String.self) })
            for role in roles where !known.contains(role) {
                try await connection.execute(script: "CREATE ROLE \(PostgresQuery.quote(identifier: role))")
            }
            let database = try await connection.query("SELECT current_database()::text").one().decode(String.self)
            // Taken over from the session: quoted in the statement, the list would be one name.
            try await connection.query("SELECT set_config('search_path', \(path), false)")
            try await connection.execute(
                script: "ALTER DATABASE \(PostgresQuery.quote(identifier: database)) SET search_path FROM CURRENT"
            )
        }
    }
}

/// Runs migrations on an empty database to see what schema they make.
struct SchemaBuild: Sendable {
    let source: MigrationSource
    let options: MigratorOptions
    let scratch: PostgresConfiguration

    /// - Returns: The schema at the end, and the fingerprint behind each migration.
    func run() async throws -> (SchemaSnapshot, [MigrationVersion: SchemaFingerprint]) {
        var options = options
        options.fingerprintShare = .infinity
        let migrator = Migrator(source: source, database: scratch, options: options)
        try requireEmpty(try await migrator.schema())
        do {
            _ = try await migrator.up(phase: .all)
        } catch let error as MigrationError where error.exitCode == .failed {
            throw error.whileBuilding()
        }
        return try await migrator.onConnection { connection in
            let built = source.migrations.isEmpty ? [:] : try await migrator.store.fingerprints(connection)
            return (try await SchemaReader(bookkeepingSchema: options.schema).snapshot(connection), built)
        }
    }

    private func requireEmpty(_ snapshot: SchemaSnapshot) throws {
        guard let object = snapshot.objects.first(where: { $0.kind != "extension" && $0.kind != "schema" }) else {
            return
        }
        throw MigrationError(
            .scratchNotEmpty,
            "the database to build the schema in is not empty: it has \(object.kind) \(object.name)",
            hint: "name an empty one, whose content is nobody's: createdb scratch",
            exitCode: .usage
        )
    }
}

extension MigrationSource {
    /// What the history says is applied: complete migrations, and of one that was begun the steps that are done.
    func applied(by history: MigrationHistory) -> MigrationSource {
        let recorded = Dictionary(
            history.migrations.map { ($0.version, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        return filtered { migration in
            guard let records = recorded[migration.version] else { return nil }
            let steps = migration.steps.filter { records[$0.ordinal]?.outcome == .applied }
            return steps.isEmpty ? nil : migration.keeping(steps)
        }
    }

    /// The migrations up to a version.
    func upTo(_ version: MigrationVersion) -> MigrationSource {
        filtered { $0.version <= version ? $0 : nil }
    }
}

extension MigrationError.Code {
    /// The database that a schema is to be built in has something in it.
    public static let scratchNotEmpty = Self(rawValue: "scratch_not_empty")
    /// The migrations do not run on the database that a schema is to be built in.
    public static let cannotBuild = Self(rawValue: "cannot_build")
}

extension MigrationError {
    fileprivate func whileBuilding() -> MigrationError {
        MigrationError(
            .cannotBuild,
            "building the schema on an empty database failed: \(message)",
            at: location,
            excerpt: excerpt,
            hint: "build it where everything is that the migrations need, extensions for example: --against URL of an "
                + "empty database",
            underlying: underlying
        )
    }
}
