/// What becomes of another tool's history: which of our migrations it has applied.
enum Adoption {
    /// Matches versions with files.
    ///
    /// A file that the tool has not applied is not here; `migrate up` applies it, or says that it is out of order.
    ///
    /// - Throws: ``MigrationError`` with `foreignDisagreement` for each version that has no file, and for each file that
    ///   is not the one that was applied.
    static func migrations(
        of foreign: ForeignHistory,
        in source: MigrationSource
    ) throws(MigrationError) -> [Migration] {
        var adopted: Set<Int64> = []
        var errors: [MigrationError] = []
        for entry in foreign.entries {
            guard let migration = number(entry.version, source).flatMap({ source[$0] }) else {
                errors.append(withoutFile(entry.version, foreign))
                continue
            }
            if let checksum = entry.checksum, let file = migration.written, !checksum.matches(file) {
                errors.append(edited(migration, foreign))
            }
            adopted.insert(migration.version.number)
        }
        if let through = foreign.through {
            guard let last = number(through, source) else { throw withoutFile(through, foreign) }
            // golang-migrate's version is one of its files; Flyway's baseline is older than all of them, or one of them.
            if foreign.tool == .golangMigrate, source[last] == nil { errors.append(withoutFile(through, foreign)) }
            adopted.formUnion(source.migrations.map(\.version).filter { $0 <= last }.map(\.number))
        }
        if let error = MigrationError.combining(errors) { throw error }
        return source.migrations.filter { adopted.contains($0.version.number) }
    }

    private static func number(_ version: String, _ source: MigrationSource) -> MigrationVersion? {
        source.layout == .flyway ? MigrationVersion(flyway: version) : MigrationVersion(version)
    }

    private static func withoutFile(_ version: String, _ foreign: ForeignHistory) -> MigrationError {
        MigrationError(
            .foreignDisagreement,
            "\(foreign.tool.rawValue) has applied version \(version), as \(foreign.table) says, and there is no file of it",
            hint: "bring back the file; or use the migrations of the release that was deployed last",
            exitCode: .disagreement
        )
    }

    private static func edited(_ migration: Migration, _ foreign: ForeignHistory) -> MigrationError {
        let repair = foreign.tool == .flyway ? "; or accept the edit with \"flyway repair\" first" : ""
        return MigrationError(
            .foreignDisagreement,
            "the file was edited after \(foreign.tool.rawValue) applied it: its checksum in \(foreign.table) is another",
            at: SourceLocation(file: migration.path),
            hint: "bring back the file as it was applied\(repair)",
            exitCode: .disagreement
        )
    }
}
