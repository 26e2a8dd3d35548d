import ArgumentParser
import Glibc

/// The `migrate` command as a program.
public enum MigrateProgram {
    /// Runs the command with the process's arguments and ends the process with the command's exit code.
    ///
    /// ```swift
    /// @main
    /// enum MigrateMain {
    ///     static func main() async { await MigrateProgram.main() }
    /// }
    /// ```
    public static func main() async -> Never {
        // A reader that goes away (`migrate status | head`) must not kill a run in the middle of a step.
        _ = signal(SIGPIPE, SIG_IGN)
        exit(await run(Array(CommandLine.arguments.dropFirst())))
    }

    private static func run(_ arguments: [String]) async -> Int32 {
        do {
            var command = try command(for: arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return 0
        } catch {
            return Failure.report(error)
        }
    }

    /// Reads the command line.
    static func command(for arguments: [String]) throws -> any ParsableCommand {
        try Migrate.parseAsRoot(ArgumentOrder.globalOptionsLast(arguments))
    }
}
