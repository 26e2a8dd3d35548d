/// Looks for unsafe statements in migrations, in the order in which they would run.
///
/// ```swift
/// let report = Linter().lint(try MigrationSource.load(from: "migrations"))
/// for finding in report.findings { print(finding.location, finding.rule.id, finding.why) }
/// ```
///
/// Works on texts alone; a database, where there is one, tells which tables are empty. It takes time in proportion to
/// the texts' length.
public struct Linter: Sendable {
    /// The release of PostgreSQL that is assumed, as 15.
    public let version: Int
    /// What is known of the database's tables.
    public let database: LintDatabase?

    /// Creates a linter.
    ///
    /// - Parameters:
    ///   - version: PostgreSQL's major release; by default the database's, or else that of the parser.
    ///   - database: what is known of the database.
    public init(version: Int? = nil, database: LintDatabase? = nil) {
        self.version = version ?? database?.version ?? Int(PostgresParser.majorVersion) ?? 15
        self.database = database
    }

    /// Lints a source.
    ///
    /// With `pending`, only those versions are reported on; what comes before is read for what it makes.
    public func lint(_ source: MigrationSource, pending: Set<MigrationVersion>? = nil) -> LintReport {
        lint(source.migrations, pending: pending)
    }

    /// Lints files that belong to no source, each as a migration of its own.
    ///
    /// A directive that does not exist is a comment, as another tool may have written the file.
    ///
    /// - Throws: ``MigrationError`` for a file that cannot be read as text, or with a wrong directive.
    public func lint(files: [(path: String, bytes: [UInt8])]) throws(MigrationError) -> LintReport {
        var migrations: [Migration] = []
        for file in files { migrations.append(try Migration(loose: file.path, bytes: file.bytes)) }
        var findings: [LintFinding] = []
        var silenced = 0
        for migration in migrations {
            let report = lint([migration], pending: nil)
            findings += report.findings
            silenced += report.silencedCount
        }
        return LintReport(findings: findings, fileCount: migrations.count, silencedCount: silenced)
    }

    private func lint(_ migrations: [Migration], pending: Set<MigrationVersion>?) -> LintReport {
        let isReported = migrations.map { pending?.contains($0.version) ?? true }
        let firstPending = database == nil ? nil : isReported.firstIndex(of: true)
        var run = LintRun(linter: self, firstPending: firstPending)
        for (index, migration) in migrations.enumerated() {
            run.take(migration, index: index, isReported: isReported[index])
        }
        return LintReport(findings: run.findings, fileCount: run.fileCount, silencedCount: run.silencedCount)
    }
}

extension Migration {
    /// A file that stands alone, as the only step of a migration.
    fileprivate init(loose path: String, bytes: [UInt8]) throws(MigrationError) {
        let file = try SQLFile(path: path, bytes: bytes)
        let directives = try Directives(of: file, header: SQLHeader(of: file.text), isForeign: true)
        guard let version = MigrationVersion(1) else {
            throw MigrationError(.invalidText, "no version", at: SourceLocation(file: path))
        }
        let step = MigrationStep(
            ordinal: 1,
            name: path,
            kind: directives.kind ?? .transaction,
            options: directives.options,
            file: file
        )
        self.init(
            version: version,
            name: path,
            folder: path,
            path: path,
            phase: directives.phase ?? .expand,
            steps: [step],
            down: nil,
            verify: nil
        )
    }
}
