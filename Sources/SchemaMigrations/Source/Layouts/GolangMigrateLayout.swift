/// golang-migrate's layout: `NNNN_name.up.sql`, and `NNNN_name.down.sql` beside it.
enum GolangMigrateLayout: LayoutReader {
    static func evidence(in root: SourceFolder) throws(MigrationError) -> String? {
        root.listing.files.first { FileName($0)?.direction == .up }
    }

    static func read(_ root: SourceFolder) -> LayoutReading {
        var reading = LayoutReading()
        var downs: [String: FileName] = [:]
        var ups: [FileName] = []
        for name in root.listing.files where name.hasSuffix(".sql") {
            guard let file = FileName(name) else {
                reading.errors.append(unexplained(name, in: root))
                continue
            }
            if file.direction == .up { ups.append(file) } else { downs[file.stem] = file }
        }
        let pairs = ups.map { (up: $0, down: downs.removeValue(forKey: $0.stem)) }
        reading.collect(each: pairs) { pair throws(MigrationError) in try migration(pair.up, pair.down, in: root) }
        for down in downs.values.sorted(by: { $0.name < $1.name }) {
            reading.errors.append(lonely(down, in: root))
        }
        reading.warnings += SourceWarning.ignored(root.listing.folders, in: root, by: "golang-migrate")
        return reading
    }

    private struct FileName {
        enum Direction {
            case up
            case down
        }

        let name: String
        let version: MigrationVersion
        let direction: Direction
        /// The name without its ending, by which up and down belong together.
        let stem: String

        init?(_ name: String) {
            let ending: String
            if name.hasSuffix(".up.sql") {
                (direction, ending) = (.up, ".up.sql")
            } else if name.hasSuffix(".down.sql") {
                (direction, ending) = (.down, ".down.sql")
            } else {
                return nil
            }
            stem = String(name.dropLast(ending.count))
            let digits = stem.prefix { $0.isASCII && $0.isNumber }
            guard let version = MigrationVersion(digits), stem[digits.endIndex...].hasPrefix("_") else { return nil }
            self.name = name
            self.version = version
        }

        var title: String { String(stem.drop { $0 != "_" }.dropFirst()) }
    }

    private static func migration(
        _ up: FileName,
        _ down: FileName?,
        in root: SourceFolder
    ) throws(MigrationError) -> Migration {
        var back: SQLFile?
        if let down { back = try SQLFile(down.name, in: root) }
        let builder = ForeignMigration(
            version: up.version,
            name: up.title,
            folder: up.stem,
            path: root.place(of: up.name)
        )
        return try builder.migration(up: try SQLFile(up.name, in: root), down: back)
    }

    private static func lonely(_ down: FileName, in root: SourceFolder) -> MigrationError {
        MigrationError(
            .noSteps,
            "there is a way back and no way there",
            at: SourceLocation(file: root.place(of: down.name)),
            hint: "add \(down.stem).up.sql, or give both files the same name"
        )
    }

    private static func unexplained(_ name: String, in root: SourceFolder) -> MigrationError {
        MigrationError(
            .unexpectedEntry,
            "this is no file of golang-migrate's, which would ignore it",
            at: SourceLocation(file: root.place(of: name)),
            hint: "its files are named VERSION_name.up.sql and VERSION_name.down.sql; move others elsewhere"
        )
    }
}

extension SourceWarning {
    /// Folders in which a tool does not look.
    static func ignored(_ folders: [String], in root: SourceFolder, by tool: String) -> [SourceWarning] {
        folders.map { SourceWarning(message: "the folder \(root.place(of: $0)) is ignored, as \(tool) does") }
    }
}
