/// Something in which files and history do not agree.
public struct MigrationFinding: Sendable, Hashable, CustomStringConvertible {
    /// What kind of disagreement it is.
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// An applied file was edited.
        case edited
        /// An applied step's file is gone.
        case missingFile = "missing_file"
        /// An applied migration's folder is gone, while newer ones are there.
        case missingMigration = "missing_migration"
        /// An applied step has another place among the steps now.
        case moved
        /// A step was added to a migration that was complete, or in front of a step that is applied.
        case addedStep = "added_step"
        /// A migration is not applied, and a newer one is.
        case outOfOrder = "out_of_order"
        /// The database has a version that is newer than every file.
        case ahead
        /// A checksum was made by an algorithm that this release does not know.
        case unknownChecksum = "unknown_checksum"
        /// An applied step's file has another name, with the same content.
        case renamedStep = "renamed_step"
        /// A migration's folder has another name behind the same version.
        case renamedMigration = "renamed_migration"
        /// A step was begun with another text than the file has now.
        case editedIntent = "edited_intent"
    }

    /// What kind of disagreement it is.
    public let kind: Kind
    /// The migration's version.
    public let version: MigrationVersion
    /// The step's name, where it is about one step.
    public let step: String?
    /// The file or folder in question; `nil` when there is none any more.
    public let file: String?
    /// What happened, in one sentence that names the files.
    public let message: String
    /// What to do next.
    public let hint: String

    /// Whether the caller has asked for what would block otherwise.
    var isAllowed = false

    /// Whether nothing may be planned until this is settled.
    public var isBlocking: Bool { exitCode != nil }

    /// What a command answers because of it; `nil` for what is only worth saying.
    public var exitCode: MigrationExitCode? {
        switch kind {
        case .outOfOrder where isAllowed: nil
        case .edited, .missingFile, .missingMigration, .moved, .addedStep, .outOfOrder, .unknownChecksum: .disagreement
        case .ahead: .ahead
        case .renamedStep, .renamedMigration, .editedIntent: nil
        }
    }

    /// Message and hint, in two lines.
    public var description: String { "\(message)\nhint: \(hint)" }
}

extension MigrationPlan {
    /// The blocking findings as one error; nil when nothing blocks.
    var blockingError: MigrationError? { findings.blockingError }
}

extension [MigrationFinding] {
    /// What a command answers because of them; nil when none blocks.
    var blockingExitCode: MigrationExitCode? {
        let codes = compactMap(\.exitCode)
        return codes.contains(.disagreement) ? .disagreement : codes.first
    }

    /// Those that block as one error; nil when none does.
    var blockingError: MigrationError? {
        let errors = filter(\.isBlocking).map { finding in
            MigrationError(
                MigrationError.Code(rawValue: finding.kind.rawValue),
                finding.message,
                at: finding.file.map { SourceLocation(file: $0) },
                hint: finding.hint,
                exitCode: blockingExitCode ?? .disagreement
            )
        }
        return MigrationError.combining(errors)
    }
}
