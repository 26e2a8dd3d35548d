import ArgumentParser
import SchemaMigrations

/// `migrate verify`.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that the database is as its migrations promise.",
        discussion: """
            Runs the verify.sql of every applied migration in a read-only transaction, compares the files with the \
            checksums in the history, and the live schema with the fingerprint that the newest migration left. \
            Answers 7 when anything is wrong.

            EXAMPLE
              migrate verify
              migrate verify --format json
            """
    )

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func run() async throws {
        let console = global.console
        let migrator = try await global.migrator(console)
        let verification = try await migrator.verify()
        if global.format == .json {
            console.result(try JSONOutput.object(VerifyReport(verification)))
        } else {
            console.result(VerifyText.render(verification, console.resultStyle))
        }
        if verification.exitCode != .done { throw ExitCode(verification.exitCode.rawValue) }
    }
}
