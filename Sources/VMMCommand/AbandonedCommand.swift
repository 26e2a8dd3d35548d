import ArgumentParser
import VMMDatastore

struct AbandonedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abandoned",
        abstract: "List the VMMs that can be reaped.",
        discussion: """
            Destroyed, failed or unwound, not deleted, and neither active VMM nor target of a live instance.

            EXAMPLE
              vmmdb abandoned
              vmmdb abandoned --format json
            """
    )

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await withDatastore(database, output) { datastore in
            try await VMMListing(filter: .abandoned, output: output).write(from: datastore)
        }
    }
}
