import SchemaMigrations

/// What `verify` found, as text.
enum VerifyText {
    static func render(_ verification: Verification, _ style: TextStyle) -> String {
        var lines = verification.checks.flatMap { render($0, style) }
        for finding in verification.findings {
            let kind = finding.isBlocking ? style.paint("error", .red) : style.paint("note", .yellow)
            lines.append("\(kind): \(finding)")
        }
        lines.append(schema(verification.schema, style))
        return (lines + [summary(verification, style)]).joined(separator: "\n")
    }

    private static func render(_ check: Verification.Check, _ style: TextStyle) -> [String] {
        let folder = check.migration.folder
        switch check.outcome {
        case .passed: return ["\(style.paint("ok", .green))      \(folder)"]
        case .noScript: return ["-       \(folder) has no verify.sql"]
        case .failed(let error): return ["\(style.paint("failed", .red))  \(folder)"] + indented(error)
        case .notRun(let error): return ["\(style.paint("not run", .yellow)) \(folder)"] + indented(error)
        }
    }

    private static func indented(_ error: MigrationError) -> [String] {
        "\(error)".split(separator: "\n", omittingEmptySubsequences: false).map { "        \($0)" }
    }

    private static func schema(_ check: Verification.SchemaCheck, _ style: TextStyle) -> String {
        switch check {
        case .unchanged(_, let version):
            "\(style.paint("ok", .green))      the schema is as version \(version) left it"
        case .changed(let recorded, let live, let version):
            """
            \(style.paint("failed", .red))  the schema was changed after version \(version) was applied, not by a migration
                    recorded \(recorded)
                    live     \(live)
                    hint: migrate drift shows what was changed
            """
        case .incomparable(let recorded, let live, let version):
            """
            -       the fingerprint of version \(version) cannot be compared: \(recorded.form) then, \(live.form) now
                    hint: migrate drift compares object by object
            """
        case .notRecorded(let version):
            """
            -       no fingerprint of the schema was recorded for version \(version)
                    hint: migrate drift compares object by object
            """
        case .betweenVersions(let version):
            "-       version \(version) is applied in part; the schema is compared when it is complete"
        case .nothingApplied: "-       nothing is applied"
        }
    }

    private static func summary(_ verification: Verification, _ style: TextStyle) -> String {
        switch verification.exitCode {
        case .done: style.paint("verified", .green)
        case .failed: style.paint("not verified: some of it could not be asked", .yellow)
        case .ahead: style.paint("not verified: the database is ahead of these files", .red)
        default: style.paint("not verified", .red)
        }
    }
}
