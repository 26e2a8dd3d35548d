import Subprocess
import SystemPackage

/// Runs PostgreSQL's programs to their end and collects what they say.
enum ProgramRunner {
    struct Outcome: Sendable {
        let status: TerminationStatus
        let output: String

        var isSuccess: Bool { status.isSuccess }
    }

    /// The environment of every program: ours, without what would redirect a client, and with messages in English.
    static func environment() -> Environment {
        var changes: [Environment.Key: String?] = ["LC_ALL": "C"]
        for name in ProcessEnvironment.names where name.hasPrefix("PG") {
            if let key = Environment.Key(rawValue: name) { changes.updateValue(nil, forKey: key) }
        }
        return .inherit.updating(changes)
    }

    /// Runs a program as `user`, in `folder` since our own working directory may be closed to that user.
    ///
    /// Runs to the end even when the task is cancelled: cleaning up needs programs too, and one killed half-way would
    /// leave half-done files behind.
    static func run(
        _ path: String,
        _ arguments: [String],
        as user: ServerUser,
        in folder: String = "/"
    ) async throws -> Outcome {
        let command = user.command(path, arguments)
        let task = Task {
            try await Subprocess.run(
                .path(FilePath(command.path)),
                arguments: Arguments(command.arguments),
                environment: environment(),
                workingDirectory: FilePath(folder),
                platformOptions: ServerUser.platformOptions,
                output: .string(limit: 1 << 20),
                error: .combinedWithOutput
            )
        }
        do {
            let result = try await task.value
            return Outcome(status: result.terminationStatus, output: result.standardOutput)
        } catch {
            throw PostgresServerError.commandFailed(command: path, status: "not run", output: "\(error)")
        }
    }

    /// Runs a program that is expected to succeed.
    ///
    /// - Throws: ``PostgresServerError/commandFailed(command:status:output:)`` when it does not.
    static func runChecked(
        _ path: String,
        _ arguments: [String],
        as user: ServerUser,
        in folder: String = "/"
    ) async throws {
        let outcome = try await run(path, arguments, as: user, in: folder)
        guard outcome.isSuccess else {
            throw PostgresServerError.commandFailed(
                command: path,
                status: "\(outcome.status)",
                output: outcome.output.trimmingTrailingNewlines()
            )
        }
    }

    /// Runs a shell script, whose arguments are `$1`, `$2`, ….
    static func runShell(_ script: String, _ arguments: [String], as user: ServerUser) async throws -> Outcome {
        try await run("/bin/sh", ["-c", script, "sh"] + arguments, as: user)
    }
}

extension String {
    fileprivate func trimmingTrailingNewlines() -> String {
        var text = Substring(self)
        while text.last?.isNewline == true { text.removeLast() }
        return String(text)
    }
}
