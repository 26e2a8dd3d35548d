import ArgumentParser
import CommandSupport

/// The command's root: it only knows its subcommands.
struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Bring a PostgreSQL database to the version of its migrations, while services use it.",
        discussion: """
            EXAMPLE
              migrate --database-url postgresql://deploy@db.example/vmm up
              migrate --local up

            Options such as --database-url, --local and --format may stand before or after the subcommand; \
            each subcommand's help lists them. The database is taken from --database-url, MIGRATE_DATABASE_URL, \
            DATABASE_URL, or libpq's own PG* variables, in this order.

            EXIT CODES
              0   done, or nothing to do
              1   failed, nothing half-done
              3   pending, or held back
              4   another runner holds the lock
              5   cannot connect
              6   needs a human
              7   files and history disagree
              8   lint findings
              9   the database is ahead
              10  paused or interrupted
              64  usage
              75  try again later
            """,
        version: ProgramVersion.text(of: "migrate"),
        subcommands: [
            UpCommand.self, StatusCommand.self, PlanCommand.self, HistoryCommand.self, VerifyCommand.self,
            DriftCommand.self, LintCommand.self, DoctorCommand.self, DownCommand.self, DumpCommand.self,
            NewCommand.self,
            BaselineCommand.self, RepairCommand.self,
            PauseCommand.self, ResumeCommand.self, WaitCommand.self, LocalCommand.self,
        ]
    )
}
