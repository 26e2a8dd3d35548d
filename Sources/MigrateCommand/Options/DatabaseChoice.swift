import SchemaMigrations

/// Which database a command works on.
enum DatabaseChoice: Equatable {
    /// A URL, or libpq's `key=value` pairs.
    case connectionString(String)
    /// libpq's own variables and files.
    case libpqEnvironment
    /// The private server of the working directory.
    case local

    /// Chooses by option and environment; empty variables count as not set.
    ///
    /// - Throws: ``MigrationError`` of code `noDatabase` when nothing names one: a deploy tool must not reach, by
    ///   default, a database that nobody named.
    static func choose(
        url: String?,
        isLocal: Bool,
        environment: [String: String]
    ) throws(MigrationError) -> DatabaseChoice {
        if isLocal { return .local }
        if let url {
            guard !url.isEmpty else { throw missing("--database-url is empty") }
            return try checked(url)
        }
        for name in ["MIGRATE_DATABASE_URL", "DATABASE_URL"] {
            if let value = environment[name], !value.isEmpty { return try checked(value) }
        }
        let names = ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE"]
        guard names.contains(where: { environment[$0]?.isEmpty == false }) else {
            throw missing("no database was given")
        }
        return .libpqEnvironment
    }

    private static func checked(_ text: String) throws(MigrationError) -> DatabaseChoice {
        guard !DatabaseURL.isMisread(text) else {
            throw MigrationError(
                .invalidURL,
                "the database URL is read otherwise than it is meant: its user or password holds one of @ : / ? #",
                hint: "write such a character as its code: %40 for @, %3A for :, %2F for /, %3F for ?, %23 for #",
                exitCode: .usage
            )
        }
        return .connectionString(text)
    }

    private static func missing(_ message: String) -> MigrationError {
        MigrationError(
            .noDatabase,
            message,
            hint: "name one with --database-url, MIGRATE_DATABASE_URL, DATABASE_URL or libpq's PGHOST, PGDATABASE, "
                + "PGSERVICE; or use --local for a private one",
            exitCode: .usage
        )
    }
}
