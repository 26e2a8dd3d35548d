/// Which database a command works on.
package enum DatabaseChoice: Equatable {
    /// A URL, or libpq's `key=value` pairs.
    case connectionString(String)
    /// libpq's own variables and files.
    case libpqEnvironment
    /// The private server of the working directory.
    case local

    /// Chooses by option and environment; empty variables count as not set.
    ///
    /// - Throws: ``DatabaseChoiceError`` when nothing names one: a tool must not reach, by default, a database that
    ///   nobody named. Likewise for a URL that libpq would read otherwise than it is meant.
    package static func choose(
        url: String?,
        isLocal: Bool,
        environment: [String: String]
    ) throws(DatabaseChoiceError) -> DatabaseChoice {
        if isLocal { return .local }
        if let url {
            guard !url.isEmpty else { throw .none("--database-url is empty") }
            return try checked(url)
        }
        for name in ["MIGRATE_DATABASE_URL", "DATABASE_URL"] {
            if let value = environment[name], !value.isEmpty { return try checked(value) }
        }
        let names = ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE"]
        guard names.contains(where: { environment[$0]?.isEmpty == false }) else {
            throw .none("no database was given")
        }
        return .libpqEnvironment
    }

    private static func checked(_ text: String) throws(DatabaseChoiceError) -> DatabaseChoice {
        guard !DatabaseURL.isMisread(text) else { throw .misread }
        return .connectionString(text)
    }
}

/// Why no database could be chosen; a mistake in how the command was called.
package struct DatabaseChoiceError: Error, Equatable {
    /// What is wrong.
    package enum Code: String, Sendable {
        /// No database was named.
        case noDatabase = "no_database"
        /// The URL does not say what it seems to say.
        case invalidURL = "invalid_url"
    }

    /// What is wrong.
    package let code: Code
    /// The same in words, without anything of the URL.
    package let message: String
    /// What to do about it.
    package let hint: String

    static func none(_ message: String) -> Self {
        Self(
            code: .noDatabase,
            message: message,
            hint: "name one with --database-url, MIGRATE_DATABASE_URL, DATABASE_URL or libpq's PGHOST, PGDATABASE, "
                + "PGSERVICE; or use --local for a private one"
        )
    }

    /// libpq would take a part of the password for something else.
    package static let misread = Self(
        code: .invalidURL,
        message: "the database URL is read otherwise than it is meant: its user or password holds one of @ : / ? #",
        hint: "write such a character as its code: %40 for @, %3A for :, %2F for /, %3F for ?, %23 for #"
    )
}
