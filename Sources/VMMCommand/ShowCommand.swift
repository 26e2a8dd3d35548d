import ArgumentParser
import Rainbow
import VMMDatastore
import VMMModel

struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one VMM in full, deleted or not.",
        discussion: """
            EXAMPLE
              vmmdb show 22222222-2222-4222-8222-222222222222
            """
    )

    @Argument(help: "The VMM's identifier.")
    var id: VMMID

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try output.requireNoTable() }

    func run() async throws {
        try await withDatastore(database, output) { datastore in
            let report = VMMReport(stored: try await datastore.inspectVMM(id))
            switch output.format {
            case .json: try output.write(json: report)
            case .text, .csv: try VMMDetails(report: report, output: output).write()
            }
        }
    }
}

/// One VMM in full, a line for each fact.
struct VMMDetails {
    let report: VMMReport
    let output: OutputOptions

    func write() throws {
        let vmm = report.vmm
        try output.write("VMM", vmm.id.description)
        try output.write("instance", vmm.instanceID.description)
        try output.write("sled", vmm.sledID.description)
        let state = vmm.runtime.state
        try output.write("state", output.colored(state.label, state.isFailed ? .red : .default))
        if let reason = report.reason {
            try output.write("failure reason", reason.label)
            try output.write("", reason.description)
        }
        for warning in report.warnings { try output.write("warning", output.colored(warning, .yellow)) }
        try output.write("updated", "\(vmm.runtime.timeUpdated), generation \(vmm.runtime.generation)")
        try output.write("created", vmm.timeCreated.description)
        if let time = vmm.timeDeleted { try output.write("deleted", time.description) }
        try output.write("address", vmm.propolisIP.description)
        try output.write("port", String(vmm.propolisPort))
        try output.write("CPU platform", vmm.cpuPlatform.label)
    }
}

extension OutputOptions {
    /// Writes a fact with its name before it.
    func write(_ label: String, _ value: String) throws {
        try write("\(label.padded(to: 14))  \(value)")
    }
}

extension String {
    /// The text with spaces behind it, up to a width.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, width - count))
    }
}
