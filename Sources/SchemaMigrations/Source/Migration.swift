import Postgres

/// Whether a migration may run while services of the previous release still work.
public enum MigrationPhase: String, Sendable, Hashable, Codable, CaseIterable {
    /// Adds to the schema; services of the previous release go on working.
    case expand
    /// Ends support for the previous release; runs after the rollout, when asked for.
    case contract
}

/// How a step runs.
public enum StepKind: Sendable, Hashable {
    /// In one transaction, together with its line in the history.
    case transaction
    /// Outside a transaction, because its one statement refuses to run in one.
    case noTransaction
    /// As many small committed batches of one UPDATE.
    case backfill(BackfillDirective)

    /// The kind without its details, as history and JSON name it.
    public enum Label: String, Sendable, Hashable, Codable, CaseIterable {
        /// A step in one transaction.
        case transaction
        /// A step outside a transaction.
        case noTransaction = "no-transaction"
        /// A step in batches.
        case backfill
    }

    /// The kind without its details.
    public var label: Label {
        switch self {
        case .transaction: .transaction
        case .noTransaction: .noTransaction
        case .backfill: .backfill
        }
    }
}

/// What `-- migrate: backfill table=…` says.
public struct BackfillDirective: Sendable, Hashable {
    /// The table that is walked.
    public let table: QualifiedName
    /// The columns that it is walked by; none walks its pages, or its primary key where it has no pages to walk.
    public let key: [String]

    /// Creates a directive.
    public init(table: QualifiedName, by key: [String] = []) {
        self.table = table
        self.key = key
    }
}

/// What a step's directives set, beyond its kind.
public struct StepOptions: Sendable, Hashable {
    /// How long a statement waits for a lock; `nil` leaves it to the runner, zero means without end.
    public var lockTimeout: Duration?
    /// How long a statement runs; `nil` leaves it to the runner, zero means without end.
    public var statementTimeout: Duration?
    /// The oldest release of a service that can live with the migration; `nil` when every one can.
    public var requiredRelease: Int32?
    /// The lint rules that this file may break, each with its reason.
    public var allowances: [LintAllowance]

    /// Creates options; nothing is set by default.
    public init(
        lockTimeout: Duration? = nil,
        statementTimeout: Duration? = nil,
        requiredRelease: Int32? = nil,
        allowances: [LintAllowance] = []
    ) {
        self.lockTimeout = lockTimeout
        self.statementTimeout = statementTimeout
        self.requiredRelease = requiredRelease
        self.allowances = allowances
    }
}

/// What `-- migrate: allow RULE reason` says.
public struct LintAllowance: Sendable, Hashable {
    /// The rule's id as it is written; empty, or of no rule, where the linter has to complain.
    public let rule: String
    /// Why breaking it is right here; empty where nothing is said, and then the silence has no effect.
    public let reason: String
    /// The directive's line, counted from 1.
    public let line: Int

    /// Creates an allowance.
    public init(rule: String, reason: String, line: Int) {
        self.rule = rule
        self.reason = reason
        self.line = line
    }
}

/// One file of a migration, the unit that is applied and recorded.
public struct MigrationStep: Sendable, Hashable {
    /// Its place in the migration, counted from 1.
    public let ordinal: Int
    /// The file's name without `.sql`: `up`, or for example `01_create_enum`.
    public let name: String
    /// How it runs.
    public let kind: StepKind
    /// What its directives set beside the kind.
    public let options: StepOptions
    /// The SQL.
    public let file: SQLFile
    /// What earlier parts of the same file set for their session; runs before this part, which may rely on it.
    package let settings: String?
    /// Why the step cannot run, although it can be recorded as applied.
    let obstacle: StepObstacle?
    /// What the parser says, once it was asked.
    let reading = StepReading()

    init(
        ordinal: Int,
        name: String,
        kind: StepKind,
        options: StepOptions,
        file: SQLFile,
        settings: String? = nil,
        obstacle: StepObstacle? = nil
    ) {
        self.ordinal = ordinal
        self.name = name
        self.kind = kind
        self.options = options
        self.file = file
        self.settings = settings
        self.obstacle = obstacle
    }
}

/// What the parser has said about a step: it is asked once, and everybody who wants to know has its answer.
///
/// No part of the step's value, which the answer follows from.
struct StepReading: Sendable, Hashable {
    private let memory = Memory()

    /// Whether anybody has asked.
    var isKnown: Bool { memory.answer.withLock { $0 != nil } }

    /// The answer, from `read` if it is asked for the first time.
    func inspection(
        _ read: () throws(MigrationError) -> StepInspection
    ) throws(MigrationError) -> StepInspection {
        if let known = memory.answer.withLock({ $0 }) { return try known.get() }
        let answer: Result<StepInspection, MigrationError>
        do throws(MigrationError) { answer = .success(try read()) } catch { answer = .failure(error) }
        memory.answer.withLock { $0 = answer }
        return try answer.get()
    }

    static func == (left: StepReading, right: StepReading) -> Bool { true }

    func hash(into hasher: inout Hasher) {}

    private final class Memory: Sendable {
        let answer = Lock<Result<StepInspection, MigrationError>?>(nil)
    }
}

/// Something in a file that only another tool can do.
///
/// It is an error when the step is due, and none as long as the step is applied.
struct StepObstacle: Sendable, Hashable {
    let code: MigrationError.Code
    let message: String
    /// Where, as a byte of the step's text.
    let offset: Int
    let hint: String

    func error(in file: SQLFile) -> MigrationError {
        file.error(code, message, atByte: offset, hint: hint)
    }
}

/// One version of the schema: a folder with its steps.
public struct Migration: Sendable, Hashable {
    /// Its place in the order of migrations.
    public let version: MigrationVersion
    /// The folder's name after the version, for example `vmm_failure_reason`.
    public let name: String
    /// The folder's whole name; in layouts without folders, the file's without its ending.
    public let folder: String
    /// Where the migration is, for messages: its folder, or its file.
    package let path: String
    /// Whether the previous release survives it.
    public let phase: MigrationPhase
    /// The steps, in order; never empty.
    public let steps: [MigrationStep]
    /// How to go back, if the migration says so.
    public let down: SQLFile?
    /// What must hold afterwards, if the migration says so.
    public let verify: SQLFile?
    /// The file as it was written, of which the steps are parts; `nil` where each step has a file of its own.
    var written: SQLFile? = nil

    /// The migration with fewer steps.
    func keeping(_ steps: [MigrationStep]) -> Migration {
        Migration(
            version: version,
            name: name,
            folder: folder,
            path: path,
            phase: phase,
            steps: steps,
            down: down,
            verify: verify,
            written: written
        )
    }
}
