import Foundation
import SchemaMigrations

/// A file that a command writes because it was asked to.
enum OutputFile {
    /// Replaces the file whole: nobody ever reads half of it.
    ///
    /// - Throws: ``MigrationError`` of code `cannotCreate`, with the file and what was to be written there.
    static func write(_ text: String, to path: String, _ what: String) throws(MigrationError) {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw MigrationError(
                .cannotCreate,
                "\(what) cannot be written: \(error.localizedDescription)",
                at: SourceLocation(file: path),
                hint: "name a file in a folder that exists and that this user may write to"
            )
        }
    }
}
