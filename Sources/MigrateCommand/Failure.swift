import ArgumentParser
import CommandSupport
import EphemeralPostgres
import SchemaMigrations

/// From an error to what is said and which exit code is answered; the only place that decides this.
enum Failure {
    /// Any error as one of the engine's, which knows its exit code.
    static func describing(_ error: any Error) -> MigrationError {
        if let server = error as? PostgresServerError {
            return MigrationError(.localServer, "\(server)", underlying: server)
        }
        if let choice = error as? DatabaseChoiceError {
            let code = MigrationError.Code(rawValue: choice.code.rawValue)
            return MigrationError(code, choice.message, hint: choice.hint, exitCode: .usage)
        }
        return MigrationError.describing(error)
    }

    /// Says what went wrong, and returns the exit code.
    static func report(_ error: any Error) -> Int32 {
        if isOfArgumentParser(error) {
            let code = Migrate.exitCode(for: error)
            let text = Migrate.fullMessage(for: error)
            if !text.isEmpty {
                let stream: StandardStream = code.isSuccess ? .output : .error
                // An argument that is out of place may be a URL with a password.
                stream.write((code.isSuccess ? text : Redaction.withoutPasswords(text)) + "\n")
            }
            return code.rawValue
        }
        let failure = describing(error)
        StandardStream.error.write(text(of: failure, .plain) + "\n")
        return failure.exitCode.rawValue
    }

    /// The error for people.
    ///
    /// One with a place in a file begins with it, so that editors and terminals can jump there.
    static func text(of error: MigrationError, _ style: TextStyle) -> String {
        let text = error.location == nil ? "error: \(error)" : "\(error)"
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if let first = lines.first { lines[0] = style.paint(first, .red) }
        return lines.joined(separator: "\n")
    }

    private static func isOfArgumentParser(_ error: any Error) -> Bool {
        if error is MigrationError || error is PostgresServerError || error is DatabaseChoiceError { return false }
        if error is ExitCode || error is ValidationError || error is CleanExit { return true }
        return Migrate.exitCode(for: error) != .failure
    }
}

extension MigrationError.Code {
    /// The private server could not be used.
    static let localServer = Self(rawValue: "local_server")
    /// A folder or file of a new migration could not be made.
    static let cannotCreate = Self(rawValue: "cannot_create")
}
