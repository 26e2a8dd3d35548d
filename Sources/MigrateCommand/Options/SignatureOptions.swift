import ArgumentParser
import SchemaMigrations

/// The option of commands that run files.
struct SignatureOptions: ParsableArguments {
    @Option(
        name: .customLong("require-signature"),
        help: ArgumentHelp(
            "Run a file only if FILE.sig beside it is by one of these (ssh-keygen's ALLOWED SIGNERS format).",
            valueName: "allowed-signers"
        )
    )
    var allowedSigners: String?

    /// What checks signatures; nil where none is asked for.
    ///
    /// - Throws: ``MigrationError`` for a file that cannot be read (64).
    func check() throws -> SignatureCheck? {
        try allowedSigners.map(SignatureCheck.init)
    }
}
