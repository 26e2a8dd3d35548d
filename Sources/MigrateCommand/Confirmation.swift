import ArgumentParser
import Glibc
import SchemaMigrations

/// Asks a person before something is done that cannot be undone by running the command again.
enum Confirmation {
    /// Returns when somebody at a terminal has typed the whole word.
    ///
    /// - Parameters:
    ///   - deed: What would be done, as the end of "whether to …".
    ///   - explanation: What a person has to know and was not shown yet, above the question.
    /// - Throws: `ValidationError` (64) where nobody can be asked; ``MigrationError`` of code `interrupted` (10) for any
    ///   other answer.
    static func require(for deed: String, explanation: [String] = []) throws {
        guard isatty(STDIN_FILENO) == 1, StandardStream.error.isTerminal else {
            throw ValidationError("nobody can be asked here whether to \(deed): say --yes")
        }
        StandardStream.error.write((explanation + ["Type yes to go on: "]).joined(separator: "\n"))
        guard readLine() == "yes" else {
            throw MigrationError(.interrupted, "nothing was changed", exitCode: .paused)
        }
    }
}
