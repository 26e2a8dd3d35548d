/// Diesel's layout: a folder `YYYY-MM-DD-HHMMSS_name` with `up.sql`, `down.sql` and, if need be, `metadata.toml`.
enum DieselLayout: LayoutReader {
    static func evidence(in root: SourceFolder) throws(MigrationError) -> String? {
        if let folder = root.listing.folders.first(where: { mark(in: $0) != nil }) { return folder }
        guard let first = root.listing.folders.first(where: { version(of: $0) != nil }) else { return nil }
        return try root.folder(first).listing.files.contains("metadata.toml") ? "\(first)/metadata.toml" : nil
    }

    static func read(_ root: SourceFolder) -> LayoutReading {
        var reading = LayoutReading()
        reading.errors = root.listing.files.filter { $0.hasSuffix(".sql") }.map { stray($0, in: root) }
        reading.collect(each: root.listing.folders) { name throws(MigrationError) in try migration(name, in: root) }
        return reading
    }

    /// What only Diesel's folders have in their names.
    static func mark(in folder: String) -> Substring? {
        if folder.hasSuffix("_diesel_initial_setup") { return folder.suffix(21) }
        // Almost every name fails here, before anything is split.
        guard let end = folder.utf8.firstIndex(of: 0x5F), folder.utf8.distance(from: folder.startIndex, to: end) == 17
        else { return nil }
        let stamp = folder[..<end]
        let lengths = stamp.split(separator: "-", omittingEmptySubsequences: false).map(\.utf8.count)
        return lengths == [4, 2, 2, 6] && version(of: folder) != nil ? stamp : nil
    }

    /// The folder's version: what stands before the first `_`, without hyphens.
    private static func version(of folder: String) -> MigrationVersion? {
        MigrationVersion(folder.prefix { $0 != "_" }.filter { $0 != "-" })
    }

    private static func migration(_ name: String, in root: SourceFolder) throws(MigrationError) -> Migration {
        let folder = try root.folder(name)
        guard let version = version(of: name) else {
            throw MigrationError(
                .invalidFolderName,
                "a folder of Diesel's is named VERSION_name, with digits and hyphens for a version",
                at: SourceLocation(file: folder.path),
                hint: "for example 2026-03-01-120000_add_index"
            )
        }
        guard folder.listing.files.contains("up.sql") else {
            throw MigrationError(.noSteps, "the folder has no up.sql", at: SourceLocation(file: folder.path))
        }
        if let other = folder.listing.files.first(where: { $0.hasSuffix(".sql") && $0 != "up.sql" && $0 != "down.sql" })
        {
            throw stray(other, in: folder)
        }
        var down: SQLFile?
        if folder.listing.files.contains("down.sql") { down = try SQLFile("down.sql", in: folder) }
        let title = name.drop { $0 != "_" }.dropFirst()
        let builder = ForeignMigration(version: version, name: String(title), folder: name, path: folder.path)
        return try builder.migration(up: try SQLFile("up.sql", in: folder), down: down)
    }

    private static func stray(_ name: String, in folder: SourceFolder) -> MigrationError {
        MigrationError(
            .unexpectedEntry,
            "this is no file of Diesel's",
            at: SourceLocation(file: folder.place(of: name)),
            hint: "a migration is a folder VERSION_name with up.sql and down.sql"
        )
    }
}
