import SchemaMigrations
import TestSupport
import Testing

@Suite struct EmbeddedMigrationsTests {
    @Test func `the folder compiled into a binary is the folder on disk`() throws {
        #expect(EmbeddedMigrations.files.filter { $0.key.contains("/") } == (try ShippedMigrations.files()))
        let embedded = try MigrationSource(files: EmbeddedMigrations.files)
        let loaded = try ShippedMigrations.source()
        #expect(embedded.migrations.map(\.folder) == loaded.migrations.map(\.folder))
        let checksums = loaded.migrations.map { $0.steps.map(\.file.checksum) }
        #expect(embedded.migrations.map { $0.steps.map(\.file.checksum) } == checksums)
        #expect(!checksums.isEmpty)
    }
}
