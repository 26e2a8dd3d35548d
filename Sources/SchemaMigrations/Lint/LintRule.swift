/// One thing that the linter looks for.
///
/// A rule is a value: a name, a title, and a pure function over one statement in its context. Each has a page of its
/// own, `docs/lint/ID.md`: why, the safe form, how to silence it.
public struct LintRule: Sendable, Identifiable {
    /// The name by which findings and silences speak of it, for example `index-not-concurrent`.
    public let id: String
    /// What is wrong, in one line.
    public let title: String
    /// What to do instead, in one or two lines.
    public let safer: String
    /// Finds it in one statement; rules about files and silences have none and are applied by ``Linter`` itself.
    let check: @Sendable (LintSubject) -> [LintRemark]

    init(
        _ id: String,
        _ title: String,
        safer: String,
        check: @escaping @Sendable (LintSubject) -> [LintRemark] = { _ in [] }
    ) {
        self.id = id
        self.title = title
        self.safer = safer
        self.check = check
    }

    /// The rule's page, from the root of the project.
    public var page: String { "docs/lint/\(id).md" }

    /// Every rule, in alphabetical order.
    public static let all: [LintRule] =
        (IndexRules.all + ConstraintRules.all + ColumnRules.all + TypeRules.all + RemovalRules.all + LockRules.all
        + OrderRules.all + FileRules.all)
        .sorted { $0.id < $1.id }
}

/// What a rule says about a statement.
struct LintRemark {
    /// Why it matters here, in one sentence.
    let why: String
    /// Where, as a byte of the statement; its beginning by default.
    var offset = 0
    /// The table that it is about, whose size is then told.
    var table: QualifiedName? = nil
}

/// A place at which a rule is broken.
public struct LintFinding: Sendable {
    /// The rule.
    public let rule: LintRule
    /// The file, line and column.
    public let location: SourceLocation
    /// The line with a caret.
    public let excerpt: SourceExcerpt
    /// Why it matters here.
    public let why: String
    /// The size of the table that it is about, where a database was asked.
    public let tableBytes: Int64?
}

/// What the linter found.
public struct LintReport: Sendable {
    /// The findings, in the order of the plan and of the places in each file.
    public let findings: [LintFinding]
    /// How many files were looked into.
    public let fileCount: Int
    /// How many findings were silenced, each with a reason.
    public let silencedCount: Int
}

extension LintReport {
    /// One report of several, in their order.
    public init(combining parts: [LintReport]) {
        self.init(
            findings: parts.flatMap(\.findings),
            fileCount: parts.reduce(0) { $0 + $1.fileCount },
            silencedCount: parts.reduce(0) { $0 + $1.silencedCount }
        )
    }
}
