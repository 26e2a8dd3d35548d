/// The migrations of a project, loaded and checked, in the order of their versions.
///
/// A source is a folder with one folder per migration:
///
/// ```
/// migrations/
///   README.md                      ignored, as files are whose names begin with a dot
///   0001_vmm_lifecycle/up.sql      one step
///   0002_vmm_failure_reason/       several steps, numbered 1, 2, 3, … without gaps
///     01_create_enum.sql
///     02_add_column.sql
///     down.sql                     optional: the way back
///     verify.sql                   optional: what must hold afterwards
/// ```
///
/// Loading reads every file once and hashes it; SQL is parsed only when a step is pending. Anything that no rule
/// explains is an error, never skipped. All errors of a source are found in one pass.
public struct MigrationSource: Sendable, Equatable {
    /// The migrations by ascending version; no version occurs twice.
    public let migrations: [Migration]
    /// How the files are laid out.
    public let layout: MigrationLayout
    /// What deserves a look but is no error.
    public let warnings: [SourceWarning]

    /// Loads a folder.
    ///
    /// ```swift
    /// let source = try MigrationSource.load(from: "migrations")
    /// ```
    ///
    /// An empty folder is not an error; it gives an empty source.
    ///
    /// Other tools' layouts are recognised by their files' names and read as they are, see <doc:OtherLayouts>; `layout`
    /// says which it is where the names do not.
    ///
    /// - Throws: ``MigrationError`` for a folder or file that cannot be read, and for each rule that is broken, with
    ///   the place; the first error carries the others as ``MigrationError/related``.
    public static func load(
        from directory: String,
        layout: MigrationLayout? = nil
    ) throws(MigrationError) -> MigrationSource {
        try load(from: directory, layout: layout, observing: nil)
    }

    /// The same, telling each file's path, as errors name it, and its bytes as they were read; from several threads.
    package static func load(
        from directory: String,
        layout: MigrationLayout?,
        observing: (@Sendable (String, [UInt8]) -> Void)?
    ) throws(MigrationError) -> MigrationSource {
        var root = Substring(directory)
        while root.count > 1 && root.hasSuffix("/") { root.removeLast() }
        return try MigrationSource(SourceFolder(directory: String(root), observing: observing), layout)
    }

    /// Makes a source of texts in memory, for programs that carry their migrations with them.
    ///
    /// Keys are paths below the source's folder. The rules are those of ``load(from:layout:)``.
    ///
    /// ```swift
    /// let source = try MigrationSource(files: ["0001_notes/up.sql": "CREATE TABLE notes (body text)"])
    /// ```
    ///
    /// - Throws: ``MigrationError`` for each rule that is broken.
    public init(files: [String: String], layout: MigrationLayout? = nil) throws(MigrationError) {
        try self.init(SourceFolder(files: files), layout)
    }

    private init(_ root: SourceFolder, _ layout: MigrationLayout?) throws(MigrationError) {
        let layout = if let layout { layout } else { try LayoutDetection.layout(of: root) }
        try self.init(layout.reader.read(root), layout: layout)
    }

    private init(_ reading: LayoutReading, layout: MigrationLayout) throws(MigrationError) {
        let migrations = reading.migrationsByVersion
        // Compared in place: a migration is large, and this is done for each on every run.
        let repeated = migrations.indices.dropFirst().filter { migrations[$0 - 1].version == migrations[$0].version }
        let errors = repeated.map { index in
            MigrationError(
                .duplicateVersion,
                "version \(migrations[index].version) is taken by \(migrations[index - 1].folder) already",
                at: SourceLocation(file: migrations[index].path),
                hint: "give the newer of the two the next free version"
            )
        }
        if let error = MigrationError.combining(reading.errors + errors) { throw error }
        self.init(
            migrations: migrations,
            layout: layout,
            warnings: reading.warnings + (layout == .flyway ? [] : SourceWarning.gaps(in: migrations))
        )
    }

    /// The migrations in the order of their versions, none of which occurs twice.
    private init(migrations: [Migration], layout: MigrationLayout, warnings: [SourceWarning]) {
        self.migrations = migrations
        self.layout = layout
        self.warnings = warnings
    }

    /// The migrations for which `choose` gives one, itself or with fewer steps.
    func filtered(_ choose: (Migration) -> Migration?) -> MigrationSource {
        MigrationSource(migrations: migrations.compactMap(choose), layout: layout, warnings: warnings)
    }

    /// The migration with this version, if there is one.
    public subscript(version: MigrationVersion) -> Migration? {
        var range = migrations.startIndex..<migrations.endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if migrations[middle].version == version { return migrations[middle] }
            range = migrations[middle].version < version ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return nil
    }

    /// The newest version; `nil` in an empty source.
    public var latest: MigrationVersion? { migrations.last?.version }
}

/// Something about a source that is allowed and still deserves a look.
public struct SourceWarning: Sendable, Hashable, CustomStringConvertible {
    /// What it is, in a sentence that names the files.
    public let message: String

    /// The sentence.
    public var description: String { message }

    /// Versions that follow each other with a hole between them: a file may have been left out of a commit.
    ///
    /// Numbers of eight digits and more are dates, between which holes are the rule.
    static func gaps(in migrations: [Migration]) -> [SourceWarning] {
        migrations.indices.dropFirst().compactMap { index in
            let missing = migrations[index].version.number - migrations[index - 1].version.number - 1
            guard missing > 0, migrations[index].version.number < 10_000_000 else { return nil }
            let what = missing == 1 ? "a version is" : "\(missing) versions are"
            return SourceWarning(
                message: "\(what) missing between \(migrations[index - 1].folder) and \(migrations[index].folder)"
            )
        }
    }
}
