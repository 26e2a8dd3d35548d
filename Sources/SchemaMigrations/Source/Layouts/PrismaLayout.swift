/// Prisma's layout: a folder `YYYYMMDDHHMMSS_name` with `migration.sql`, beside `migration_lock.toml`.
///
/// A `down.sql` beside it, which Prisma itself would not run, is the way back.
enum PrismaLayout: LayoutReader {
    static func evidence(in root: SourceFolder) throws(MigrationError) -> String? {
        if root.listing.files.contains(lock) { return lock }
        guard let first = root.listing.folders.first(where: { digits(of: $0) != nil }) else { return nil }
        return try root.folder(first).listing.files.contains("migration.sql") ? "\(first)/migration.sql" : nil
    }

    static func read(_ root: SourceFolder) -> LayoutReading {
        var reading = LayoutReading()
        reading.errors = root.listing.files.filter { $0.hasSuffix(".sql") }.map { stray($0, in: root) }
        reading.collect { (_: inout LayoutReading) throws(MigrationError) in try checkProvider(root) }
        reading.collect(each: root.listing.folders) { name throws(MigrationError) in try migration(name, in: root) }
        return reading
    }

    private static let lock = "migration_lock.toml"

    private static func digits(of folder: String) -> Substring? {
        let digits = folder.prefix { $0.isASCII && $0.isNumber }
        return digits.isEmpty ? nil : digits
    }

    /// The lock file names the database that the SQL was written for.
    private static func checkProvider(_ root: SourceFolder) throws(MigrationError) {
        guard root.listing.files.contains(lock) else { return }
        let lines = String(decoding: SQLFile.canonical(try root.read(lock)), as: UTF8.self).split(
            whereSeparator: \.isNewline
        )
        let setting = lines.first { $0.drop(while: \.isWhitespace).hasPrefix("provider") }
        guard let value = setting?.split(separator: "\"").dropFirst().first, value != "postgresql" else { return }
        throw MigrationError(
            .unsupportedFeature,
            "these migrations were written for \(value), not for postgresql",
            at: SourceLocation(file: root.place(of: lock))
        )
    }

    private static func migration(_ name: String, in root: SourceFolder) throws(MigrationError) -> Migration {
        let folder = try root.folder(name)
        guard let digits = digits(of: name), let version = MigrationVersion(digits) else {
            throw MigrationError(
                .invalidFolderName,
                "a folder of Prisma's is named VERSION_name, with a number for a version",
                at: SourceLocation(file: folder.path),
                hint: "for example 20260301120000_add_index"
            )
        }
        guard folder.listing.files.contains("migration.sql") else {
            throw MigrationError(.noSteps, "the folder has no migration.sql", at: SourceLocation(file: folder.path))
        }
        var down: SQLFile?
        if folder.listing.files.contains("down.sql") { down = try SQLFile("down.sql", in: folder) }
        let title = name[digits.endIndex...]
        let builder = ForeignMigration(
            version: version,
            name: String(title.hasPrefix("_") ? title.dropFirst() : title),
            folder: name,
            path: folder.path
        )
        let up = try SQLFile("migration.sql", in: folder)
        return try builder.migration(up: up, down: down, stepName: "migration")
    }

    private static func stray(_ name: String, in root: SourceFolder) -> MigrationError {
        MigrationError(
            .unexpectedEntry,
            "this is no folder of Prisma's",
            at: SourceLocation(file: root.place(of: name)),
            hint: "a migration is a folder VERSION_name with migration.sql"
        )
    }
}
