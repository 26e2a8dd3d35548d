/// How a project lays out its migrations.
///
/// The engine's own layout is ``folders``. The others are those of tools that a project may come from; their files run
/// as they are, and <doc:OtherLayouts> says what each becomes.
public enum MigrationLayout: String, Sendable, Hashable, Codable, CaseIterable {
    /// This engine's: a folder `NNNN_name` with `up.sql` or numbered steps.
    case folders
    /// golang-migrate's: `NNNN_name.up.sql` and `NNNN_name.down.sql`.
    case golangMigrate = "golang-migrate"
    /// dbmate's: `NNNN_name.sql` with the sections `-- migrate:up` and `-- migrate:down`.
    case dbmate
    /// Diesel's: a folder `YYYY-MM-DD-HHMMSS_name` with `up.sql` and `down.sql`.
    case diesel
    /// Prisma's: a folder `YYYYMMDDHHMMSS_name` with `migration.sql`, beside `migration_lock.toml`.
    case prisma
    /// Flyway's: `V1__name.sql`, `V1.2__name.sql`, and `U1__name.sql` for the way back.
    case flyway

    /// The reader of this layout.
    var reader: any LayoutReader.Type {
        switch self {
        case .folders: FolderLayout.self
        case .golangMigrate: GolangMigrateLayout.self
        case .dbmate: DbmateLayout.self
        case .diesel: DieselLayout.self
        case .prisma: PrismaLayout.self
        case .flyway: FlywayLayout.self
        }
    }
}

/// Reads one layout.
protocol LayoutReader {
    /// The entry by which a folder is known to be laid out like this; `nil` if there is none.
    ///
    /// - Throws: ``MigrationError`` when a file or folder that must be looked into cannot be read.
    static func evidence(in root: SourceFolder) throws(MigrationError) -> String?

    /// Reads every migration, and finds everything that no rule explains.
    static func read(_ root: SourceFolder) -> LayoutReading
}
