/// This engine's own layout: a folder for each migration.
enum FolderLayout: LayoutReader {
    static func evidence(in root: SourceFolder) throws(MigrationError) -> String? {
        guard let folder = root.listing.folders.first(where: isFolderOfOurs) else { return nil }
        // Prisma and Diesel name their folders alike.
        let names = try root.folder(folder).listing.files
        return names.contains("migration.sql") || names.contains("metadata.toml") ? nil : folder
    }

    static func read(_ root: SourceFolder) -> LayoutReading {
        var reading = LayoutReading()
        reading.errors = FolderRules.strayEntries(in: root)
        reading.collect(each: root.listing.folders) { name throws(MigrationError) in
            try FolderRules(name: name, folder: try root.folder(name)).migration()
        }
        return reading
    }

    private static func isFolderOfOurs(_ name: String) -> Bool {
        let digits = name.prefix { $0.isASCII && $0.isNumber }
        return !digits.isEmpty && name[digits.endIndex...].hasPrefix("_") && DieselLayout.mark(in: name) == nil
    }
}
