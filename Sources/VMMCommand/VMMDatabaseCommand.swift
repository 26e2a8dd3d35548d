public import ArgumentParser
import CommandSupport
import Foundation
import Glibc

/// The operators' command line `vmmdb`: a look at the rows of VMMs; one command alone writes.
public struct VMMDatabaseCommand: AsyncParsableCommand {
    /// Name, help and subcommands.
    public static let configuration = CommandConfiguration(
        commandName: "vmmdb",
        abstract: "Show what the database knows of VMMs; only mark-failed writes.",
        discussion: """
            The database is found in this order: --database-url, MIGRATE_DATABASE_URL, DATABASE_URL, libpq's PG* \
            variables. Exit codes: 0 done, 1 failed or not found, 5 cannot connect, 64 usage.
            """,
        version: ProgramVersion.text(of: "vmmdb"),
        subcommands: [
            ListCommand.self, ShowCommand.self, InstanceCommand.self, FailuresCommand.self, AbandonedCommand.self,
            MarkFailedCommand.self,
        ]
    )

    // Also here, so that they may stand before the subcommand.
    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    /// Makes the command without arguments, which shows its help.
    public init() {}

    /// Runs the command with the process's arguments and ends the process with the command's exit code.
    public static func start() async -> Never {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Glibc.exit(0)
        } catch {
            let code = exitCode(for: error)
            // An argument that is out of place may be a URL with a password.
            let text = code.isSuccess ? fullMessage(for: error) : Redaction.withoutPasswords(fullMessage(for: error))
            // There is nobody to tell when this fails.
            let stream = code.isSuccess ? FileHandle.standardOutput : FileHandle.standardError
            if !text.isEmpty { try? stream.write(contentsOf: Data("\(text)\n".utf8)) }
            Glibc.exit(code.rawValue)
        }
    }
}
