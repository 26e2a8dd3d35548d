/// Why migrations could not be loaded, planned or applied.
///
/// One type for the whole engine: match on ``code``, show ``description``. Descriptions name files, versions and
/// numbers; they never hold a password or a bound value.
///
/// ```swift
/// do {
///     let source = try MigrationSource.load(from: "migrations")
/// } catch {
///     print(error)  // migrations/0002_x/up.sql:3:1: unknown directive "no-transction"
/// }
/// ```
public struct MigrationError: Error, Sendable {
    /// What kind of failure it is; open, so that later versions can add kinds without breaking a `switch`.
    public struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The kind's name, for logs and JSON.
        public let rawValue: String

        /// Creates a kind by its name.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The kind's name.
        public var description: String { rawValue }
    }

    /// What kind of failure it is.
    public let code: Code
    /// What happened, in one or two sentences, without the location.
    public let message: String
    /// Where in the files it happened, if it happened in a file.
    public let location: SourceLocation?
    /// The line of the file with a caret under the place, when there is a line to show.
    public let excerpt: SourceExcerpt?
    /// What to do next.
    public let hint: String?
    /// What the command answers when this error ends it.
    public let exitCode: MigrationExitCode
    /// Further errors found in the same pass, so that a person can repair them all at once.
    public let related: [MigrationError]
    /// The error of a lower layer that caused this one.
    public let underlying: (any Error)?

    /// Creates an error.
    public init(
        _ code: Code,
        _ message: String,
        at location: SourceLocation? = nil,
        excerpt: SourceExcerpt? = nil,
        hint: String? = nil,
        exitCode: MigrationExitCode = .failed,
        related: [MigrationError] = [],
        underlying: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.location = location
        self.excerpt = excerpt
        self.hint = hint
        self.exitCode = exitCode
        self.related = related
        self.underlying = underlying
    }
}

extension MigrationError: Equatable {
    /// Compares everything but ``underlying``, which has no equality of its own.
    public static func == (left: MigrationError, right: MigrationError) -> Bool {
        left.code == right.code && left.message == right.message && left.location == right.location
            && left.excerpt == right.excerpt && left.hint == right.hint && left.exitCode == right.exitCode
            && left.related == right.related
    }
}

extension MigrationError: CustomStringConvertible {
    /// The error for people: location, message, the line with its caret, the next step, then the related errors.
    public var description: String {
        var text = location.map { "\($0): \(message)" } ?? message
        if let excerpt { text += "\n\(excerpt)" }
        if let hint { text += "\nhint: \(hint)" }
        for error in related { text += "\n\(error)" }
        return text
    }
}

extension MigrationError {
    /// Several errors of one pass as one: the first, with the others as ``related``.
    ///
    /// Gives `nil` for an empty list.
    static func combining(_ errors: [MigrationError]) -> MigrationError? {
        let all = errors.flatMap { [$0] + $0.related }
        return all.first?.with(related: all.dropFirst().map { $0.with(related: []) })
    }

    /// The same, with a line more in its message.
    func adding(_ line: String) -> MigrationError { with(message: "\(message)\n\(line)") }

    private func with(message: String? = nil, related: [MigrationError]? = nil) -> MigrationError {
        MigrationError(
            code,
            message ?? self.message,
            at: location,
            excerpt: excerpt,
            hint: hint,
            exitCode: exitCode,
            related: related ?? self.related,
            underlying: underlying
        )
    }
}

extension MigrationError.Code {
    /// A folder could not be listed.
    public static let unreadableDirectory = Self(rawValue: "unreadable_directory")
    /// A file could not be read.
    public static let unreadableFile = Self(rawValue: "unreadable_file")
    /// A file holds a NUL byte or bytes that are not UTF-8, or is larger than a server takes.
    public static let invalidText = Self(rawValue: "invalid_text")
    /// A file or folder that no rule explains.
    public static let unexpectedEntry = Self(rawValue: "unexpected_entry")
    /// A migration's folder has no usable version or name.
    public static let invalidFolderName = Self(rawValue: "invalid_folder_name")
    /// Two folders have the same version.
    public static let duplicateVersion = Self(rawValue: "duplicate_version")
    /// A folder has neither `up.sql` nor steps.
    public static let noSteps = Self(rawValue: "no_steps")
    /// A folder has both `up.sql` and numbered steps.
    public static let mixedSteps = Self(rawValue: "mixed_steps")
    /// Step numbers are not exactly 1, 2, 3, ….
    public static let stepNumbers = Self(rawValue: "step_numbers")
    /// A file has no SQL in it.
    public static let emptyFile = Self(rawValue: "empty_file")
    /// A directive's name is not known.
    public static let unknownDirective = Self(rawValue: "unknown_directive")
    /// A directive's value is missing or makes no sense, or two directives contradict each other.
    public static let invalidDirective = Self(rawValue: "invalid_directive")
    /// A directive stands where it has no effect.
    public static let misplacedDirective = Self(rawValue: "misplaced_directive")
    /// A step begins or ends transactions itself.
    public static let transactionControl = Self(rawValue: "transaction_control")
    /// A step runs in a transaction, and a statement in it cannot.
    public static let needsNoTransaction = Self(rawValue: "needs_no_transaction")
    /// A step must hold exactly one statement and does not.
    public static let notOneStatement = Self(rawValue: "not_one_statement")
    /// A backfill step is not the one UPDATE that the engine can run in batches.
    public static let invalidBackfill = Self(rawValue: "invalid_backfill")
    /// A command for psql, which no server understands.
    public static let psqlCommand = Self(rawValue: "psql_command")
    /// A statement that needs data from the client's side.
    public static let clientData = Self(rawValue: "client_data")
    /// The version asked for is in no file.
    public static let unknownVersion = Self(rawValue: "unknown_version")
    /// The version asked for is older than what the database has.
    public static let targetBelowCurrent = Self(rawValue: "target_below_current")
}
