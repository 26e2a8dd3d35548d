/// Flyway's layout: `V1__name.sql`, `V1.2__name.sql` and `U1__name.sql`, in folders within folders as one likes.
///
/// What Flyway does beyond applying versions once, in order, cannot be had here and is refused: repeatable migrations,
/// baseline migrations and callbacks by name, placeholders when their file is due.
enum FlywayLayout: LayoutReader {
    static func evidence(in root: SourceFolder) throws(MigrationError) -> String? {
        if let file = root.listing.files.first(where: { FlywayFileName($0) != nil }) { return file }
        for name in root.listing.folders where !name.hasPrefix("_") && name.first?.isNumber != true {
            if let entry = try evidence(in: try root.folder(name)) { return "\(name)/\(entry)" }
        }
        return nil
    }

    static func read(_ root: SourceFolder) -> LayoutReading {
        var reading = LayoutReading()
        var files: [Found] = []
        find(in: root, &files, &reading)
        let undos = Dictionary(
            files.filter { $0.name.kind == .undo }.map { ($0.name.version?.number, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        reading.collect(each: files.filter { $0.name.kind == .version }) { file throws(MigrationError) in
            try migration(file, undo: undos[file.name.version?.number])
        }
        return reading
    }

    private struct Found {
        let file: String
        let folder: SourceFolder
        let name: FlywayFileName
    }

    private static func find(in folder: SourceFolder, _ files: inout [Found], _ reading: inout LayoutReading) {
        for file in folder.listing.files where file.hasSuffix(".sql") {
            guard let name = FlywayFileName(file) else {
                reading.errors.append(unexplained(file, in: folder))
                continue
            }
            switch name.kind {
            case .version, .undo: files.append(Found(file: file, folder: folder, name: name))
            case .repeatable, .baseline: reading.errors.append(unsupported(file, name.kind, in: folder))
            }
        }
        for name in folder.listing.folders {
            reading.collect { (reading: inout LayoutReading) throws(MigrationError) in
                find(in: try folder.folder(name), &files, &reading)
            }
        }
    }

    private static func migration(_ found: Found, undo: Found?) throws(MigrationError) -> Migration {
        let path = found.folder.place(of: found.file)
        guard let version = found.name.version else {
            throw MigrationError(
                .invalidFolderName,
                "the version \"\(found.name.spelling)\" is beyond what can be ordered here: three dots, each followed "
                    + "by at most 999, or one dot followed by at most 99 behind a number of ten digits and more",
                at: SourceLocation(file: path)
            )
        }
        let up = try SQLFile(found.file, in: found.folder)
        let settings = try scriptSettings(of: found)
        var down: SQLFile?
        if let undo { down = try SQLFile(undo.file, in: undo.folder) }
        let builder = ForeignMigration(
            version: version,
            name: found.name.title,
            folder: String(found.file.dropLast(4)),
            path: path
        )
        let obstacle = settings.replacesPlaceholders ? placeholder(in: up) : nil
        return try builder.migration(up: up, down: down, obstacle: obstacle)
    }

    private static func placeholder(in file: SQLFile) -> StepObstacle? {
        guard let range = file.text.firstRange(of: #/\$\{[A-Za-z_][A-Za-z0-9_.:\-]*\}/#) else { return nil }
        return StepObstacle(
            code: .unsupportedFeature,
            message: "\(file.text[range]) is a placeholder, which Flyway fills in",
            offset: file.text.utf8.distance(from: file.text.startIndex, to: range.lowerBound),
            hint: "write what it stands for"
        )
    }

    // MARK: The settings of one file

    private struct ScriptSettings {
        var replacesPlaceholders = true
    }

    /// Reads `V1__name.sql.conf`, in which only what changes the SQL matters.
    ///
    /// Whether the file runs in a transaction is seen from its statements.
    private static func scriptSettings(of found: Found) throws(MigrationError) -> ScriptSettings {
        var settings = ScriptSettings()
        let name = "\(found.file).conf"
        guard found.folder.listing.files.contains(name) else { return settings }
        let text = String(decoding: SQLFile.canonical(try found.folder.read(name)), as: UTF8.self)
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let pair = line.split(separator: "=", maxSplits: 1).map { $0.filter { !$0.isWhitespace } }
            guard pair.count == 2, !pair[0].hasPrefix("#") else { continue }
            switch (pair[0], pair[1].lowercased()) {
            case ("executeInTransaction", _), ("encoding", "utf-8"), ("encoding", "utf8"), ("shouldExecute", "true"):
                break
            case ("placeholderReplacement", let value):
                settings.replacesPlaceholders = value != "false"
            default:
                throw MigrationError(
                    .unsupportedFeature,
                    "the setting \(pair[0])=\(pair[1]) is not understood",
                    at: SourceLocation(file: found.folder.place(of: name), line: index + 1)
                )
            }
        }
        return settings
    }

    // MARK: What is refused

    private static func unexplained(_ file: String, in folder: SourceFolder) -> MigrationError {
        MigrationError(
            .unexpectedEntry,
            "this is neither a versioned migration of Flyway's nor the way back from one",
            at: SourceLocation(file: folder.place(of: file)),
            hint: "its files are named V1__name.sql and U1__name.sql; callbacks are not run, move them elsewhere"
        )
    }

    private static func unsupported(_ file: String, _ kind: FlywayFileName.Kind, in folder: SourceFolder)
        -> MigrationError
    {
        let isRepeatable = kind == .repeatable
        return MigrationError(
            .unsupportedFeature,
            isRepeatable
                ? "a repeatable migration would run again whenever it is edited; here what was applied stays as it is"
                : "a baseline migration stands for others, which are here to be run",
            at: SourceLocation(file: folder.place(of: file)),
            hint: isRepeatable
                ? "put its present text into a versioned migration, with CREATE OR REPLACE, and remove it from here"
                : "remove it from here: versions up to it run as they are, or are adopted with \"migrate baseline\""
        )
    }
}
