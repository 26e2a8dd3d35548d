/// What ``Migrator/verify()`` found.
public struct Verification: Sendable {
    /// What one migration's `verify.sql` said.
    public struct Check: Sendable {
        /// How it ended.
        public enum Outcome: Sendable, Equatable {
            /// It ran to its end.
            case passed
            /// It raised; the error says what is wrong.
            case failed(MigrationError)
            /// It could not be asked: a privilege is missing, or somebody keeps a table locked.
            case notRun(MigrationError)
            /// The migration has none.
            case noScript
        }

        /// The migration.
        public let migration: Migration
        /// How its `verify.sql` ended.
        public let outcome: Outcome
    }

    /// How the live schema relates to the fingerprint that was recorded.
    public enum SchemaCheck: Sendable, Equatable {
        /// It is the one that the newest migration left.
        case unchanged(SchemaFingerprint, since: MigrationVersion)
        /// Something was changed since the version was applied, not by a migration.
        case changed(recorded: SchemaFingerprint, live: SchemaFingerprint, since: MigrationVersion)
        /// No fingerprint was recorded for the version: the run was cut short right behind it, or it was a part of a
        /// long one.
        case notRecorded(MigrationVersion)
        /// The fingerprint was made of another form of text, as by another major version of PostgreSQL.
        case incomparable(recorded: SchemaFingerprint, live: SchemaFingerprint, since: MigrationVersion)
        /// A migration is applied in part: what lies between is not to be compared.
        case betweenVersions(MigrationVersion)
        /// Nothing is applied.
        case nothingApplied
    }

    /// Every migration that is applied completely and has its files, by version.
    public let checks: [Check]
    /// In what files and history disagree.
    public let findings: [MigrationFinding]
    /// Whether the schema is still as the migrations left it.
    public let schema: SchemaCheck

    /// What the command answers: 7 when anything is wrong, 9 when the database is ahead of the files, 1 when something
    /// could not be checked.
    public var exitCode: MigrationExitCode {
        var hasUnanswered = false
        for check in checks {
            switch check.outcome {
            case .failed: return .disagreement
            case .notRun: hasUnanswered = true
            case .passed, .noScript: break
            }
        }
        if case .changed = schema { return .disagreement }
        let codes = findings.compactMap(\.exitCode)
        if codes.contains(.disagreement) { return .disagreement }
        return codes.first ?? (hasUnanswered ? .failed : .done)
    }
}
