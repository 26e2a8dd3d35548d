import Postgres

/// What `--version` says: of the program, and of the client library that it runs with.
package enum ProgramVersion {
    /// As `CHANGELOG.md` names it.
    static let number = "0.1.0-dev"

    /// `migrate 0.1.0 (libpq 15.20)`.
    package static func text(of program: String) -> String {
        "\(program) \(number) (libpq \(PostgresConnection.libraryVersion))"
    }
}
