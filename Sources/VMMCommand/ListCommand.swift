import ArgumentParser
import Rainbow
import VMMDatastore
import VMMModel

struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List VMMs in the order of their identifiers.",
        discussion: "With --format json each VMM is an object on a line of its own."
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
            var last: VMMID?
            repeat {
                let page = try await datastore.vmms(matching: filter, after: last, limit: 500)
                if last == nil, output.format == .text { try output.write(header) }
                for stored in page { try write(VMMReport(stored: stored)) }
                last = page.last?.id
            } while last != nil
        }
    }

    private func write(_ report: VMMReport) throws {
        switch output.format {
        case .json: try output.write(json: report)
        case .text: try output.write(line(report))
        }
    }

    private var header: String {
        let titles = ["ID", "STATE", "FAILURE_REASON", "GENERATION", "INSTANCE", "SLED", "UPDATED"]
        return row(includeDeleted ? titles + ["DELETED"] : titles)
    }

    private func line(_ report: VMMReport) -> String {
        let vmm = report.stored.vmm
        var cells = [
            vmm.id.description, vmm.runtime.state.label, report.reason?.label ?? "",
            vmm.runtime.generation.description, vmm.instanceID.description, vmm.sledID.description,
            vmm.runtime.timeUpdated.description,
        ]
        if includeDeleted { cells.append(vmm.timeDeleted?.description ?? "") }
        let line = row(cells)
        if !report.warnings.isEmpty { return output.colored(line, .yellow) }
        return vmm.runtime.state.isFailed ? output.colored(line, .red) : line
    }

    /// Widths that do not depend on the rows, since these are shown as they come.
    private func row(_ cells: [String]) -> String {
        let widths = [36, 12, 16, 10, 36, 36, 27, 27]
        let padded = zip(cells, widths).map { $0.padded(to: $1) }.joined(separator: "  ")
        return String(padded.reversed().drop { $0 == " " }.reversed())
    }
}
