import ArgumentParser
import VMMDatastore
import VMMModel

struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List VMMs in the order of their identifiers.",
        discussion: """
            With --format json each VMM is an object on a line of its own.

            EXAMPLE
              vmmdb list --state failed --reason sled_off
              vmmdb list --include-deleted --format csv > vmms.csv
            """
    )

    @Option(name: .customLong("state"), help: "Only VMMs in this state; may be repeated.")
    var states: [VMMState.Kind] = []

    @Option(name: .customLong("reason"), help: "Only VMMs that failed for this reason; may be repeated.")
    var reasons: [VMMFailureReason] = []

    @Option(name: .customLong("sled"), help: ArgumentHelp("Only VMMs on this sled.", valueName: "id"))
    var sledID: SledID?

    @Option(name: .customLong("instance"), help: ArgumentHelp("Only VMMs of this instance.", valueName: "id"))
    var instanceID: InstanceID?

    @Flag(help: "Also VMMs that are marked deleted.")
    var includeDeleted = false

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    private var filter: VMMFilter {
        var filter = VMMFilter()
        filter.states = states
        filter.failureReasons = reasons
        filter.sledID = sledID
        filter.instanceID = instanceID
        filter.includesDeleted = includeDeleted
        return filter
    }

    func run() async throws {
        try await withDatastore(database, output) { datastore in
            try await VMMListing(filter: filter, output: output).write(from: datastore)
        }
    }
}
