import ArgumentParser
import Foundation
import SchemaMigrations

/// `migrate new`.
struct NewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Make the folder of a new migration, with commented files.",
        discussion: """
            With --online it holds the steps of a change that a running service does not notice: add a column, \
            complete the writes of the previous release, backfill, check, validate.

            EXAMPLE
              migrate new add_vmm_owner --online
            """
    )

    @Argument(help: "What the migration does: lowercase letters, digits and '_', beginning with a letter.")
    var name: String

    @Flag(help: "Make the numbered steps of a change that is applied while services write.")
    var online = false

    @OptionGroup(title: "Global options")
    var global: GlobalOptions

    func validate() throws {
        let rest = name.utf8.dropFirst()
        let isWord = rest.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
        guard let first = name.utf8.first, (0x61...0x7A).contains(first), isWord, name.utf8.count <= 100 else {
            throw ValidationError(
                "'\(name)' is no name for a migration: use lowercase letters, digits and '_', as in add_vmm_owner"
            )
        }
    }

    func run() async throws {
        let scaffold = MigrationScaffold(name: name, isOnline: online)
        let directory = global.migrations
        let manager = FileManager.default
        var created: [String] = []
        do {
            try manager.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let existing = try manager.contentsOfDirectory(atPath: directory)
            let version = try MigrationScaffold.nextVersion(after: existing)
            let folder = "\(directory)/\(version)_\(name)"
            try manager.createDirectory(atPath: folder, withIntermediateDirectories: false)
            for (file, text) in scaffold.files {
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(file)"), options: .withoutOverwriting)
                created.append("\(folder)/\(file)")
            }
        } catch let error as CocoaError {
            let path = error.filePath ?? directory
            throw MigrationError(.cannotCreate, "cannot create \(path): \(error.localizedDescription)")
        }
        try answer(created)
    }

    private func answer(_ paths: [String]) throws {
        let console = global.console
        if global.format == .json {
            console.result(try JSONOutput.line(["created": paths]))
        } else {
            console.result(paths.joined(separator: "\n"))
        }
    }
}
