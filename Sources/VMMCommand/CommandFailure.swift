import ArgumentParser
import CommandSupport
import Foundation
import Postgres
import VMMDatastore

extension ExitCode {
    /// The database cannot be reached, or does not let us in.
    static let cannotConnect = ExitCode(5)
}

/// A failure with a message for people and an exit code for scripts.
struct CommandFailure: Error {
    let message: String
    let exitCode: ExitCode

    init(_ message: String, exitCode: ExitCode = .failure) {
        self.message = message
        self.exitCode = exitCode
    }

    /// The server's codes for a column, a type or a table that is not there.
    private static let missingObject: Set = ["42703", "42704", "42P01"]

    /// What an error means to whoever called the command.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure:
            self = failure
        case let error as DatabaseChoiceError:
            self.init("\(error.message)\n  hint: \(error.hint)", exitCode: .validationFailure)
        case let error as PostgresError where error.code == .connectionFailed:
            self.init(error.description, exitCode: .cannotConnect)
        case let error as PostgresError where error.code == .invalidConfiguration:
            self.init(error.description, exitCode: .validationFailure)
        case let error as PostgresError where Self.missingObject.contains(error.sqlState?.rawValue ?? ""):
            self.init("\(error); the database needs version 2 of the schema, which \"migrate up\" brings")
        case let error as PostgresError:
            self.init(error.description)
        default:
            self.init("\(error)")
        }
    }
}

extension AsyncParsableCommand {
    /// Lends a datastore to `body` and turns each failure into a line on stderr and an exit code.
    func withDatastore(
        _ options: DatabaseOptions,
        _ output: OutputOptions,
        writing: Bool = false,
        _ body: (Datastore) async throws -> Void
    ) async throws {
        do {
            let configuration =
                if writing { try await options.configurationForWriting() } else { try await options.configuration() }
            let pool = PostgresPool(configuration, maximumConnections: 1)
            do {
                try await body(Datastore(pool, reading: options.reading))
                await pool.shutDown()
            } catch {
                await pool.shutDown()
                throw error
            }
        } catch let error as ValidationError {
            throw error
        } catch {
            let failure = CommandFailure(error)
            output.writeError(failure.message)
            throw failure.exitCode
        }
    }
}
