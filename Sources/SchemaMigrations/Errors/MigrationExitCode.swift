/// What the `migrate` command answers to the program that started it.
///
/// The numbers are a stable contract with deploy tools; the library carries them so that every finding and every
/// error knows its own.
public enum MigrationExitCode: Int32, Sendable, Hashable, CaseIterable {
    /// Done, or nothing was to be done.
    case done = 0
    /// Failed with nothing half-done; safe to run again after the fix.
    case failed = 1
    /// Something is pending, or held back behind a contract migration.
    case pending = 3
    /// Another runner holds the lock.
    case lockHeld = 4
    /// The server could not be reached, or refused the login.
    case cannotConnect = 5
    /// A person has to decide; the message says exactly what.
    case needsHuman = 6
    /// Files and history disagree, or a verification failed.
    case disagreement = 7
    /// The linter found something.
    case lintFindings = 8
    /// The database is ahead of these files.
    case ahead = 9
    /// Paused or interrupted; the next run goes on.
    case paused = 10
    /// The command line asks for something impossible.
    case usage = 64
    /// Nothing is wrong, but now is not the time: try again later.
    case tryAgainLater = 75
}
