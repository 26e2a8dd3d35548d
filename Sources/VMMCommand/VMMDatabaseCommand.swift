public import ArgumentParser

/// The operators' command line `vmmdb`: a look at the rows of VMMs that changes nothing.
public struct VMMDatabaseCommand: AsyncParsableCommand {
    /// Name, help and subcommands.
    public static let configuration = CommandConfiguration(
        commandName: "vmmdb",
        abstract: "Show what the database knows of VMMs; reads only.",
        discussion: """
            The database is found in this order: --database-url, MIGRATE_DATABASE_URL, DATABASE_URL, libpq's PG* \
            variables. Exit codes: 0 done, 1 failed or not found, 5 cannot connect, 64 usage.
            """,
        subcommands: [ShowCommand.self, ListCommand.self, FailuresCommand.self]
    )

    // Also here, so that they may stand before the subcommand.
    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    /// Makes the command without arguments, which shows its help.
    public init() {}

    /// Runs the command with the process's arguments; ends the process unless all went well.
    public static func start() async {
        await main()
    }
}
