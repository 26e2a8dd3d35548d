import ArgumentParser
import Rainbow
import VMMDatastore
import VMMModel

struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one VMM in full, deleted or not."
    )

    @Argument(help: "The VMM's identifier.")
    var id: VMMID

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await withDatastore(database, output) { datastore in
            let report = VMMReport(stored: try await datastore.inspectVMM(id))
            switch output.format {
            case .json: try output.write(json: report)
            case .text: try write(report)
            }
        }
    }

    private func write(_ report: VMMReport) throws {
        let vmm = report.stored.vmm
        try write("VMM", vmm.id.description)
        try write("instance", vmm.instanceID.description)
        try write("sled", vmm.sledID.description)
        let state = vmm.runtime.state
        try write("state", output.colored(state.label, state.isFailed ? .red : .default))
        if let reason = report.reason {
            try write("failure reason", reason.label)
            try write("", reason.description)
        }
        for warning in report.warnings { try write("warning", output.colored(warning, .yellow)) }
        try write("updated", "\(vmm.runtime.timeUpdated), generation \(vmm.runtime.generation)")
        try write("created", vmm.timeCreated.description)
        if let time = vmm.timeDeleted { try write("deleted", time.description) }
        try write("address", vmm.propolisIP.description)
        try write("port", String(vmm.propolisPort))
        try write("CPU platform", vmm.cpuPlatform.label)
    }

    private func write(_ label: String, _ value: String) throws {
        try output.write("\(label.padded(to: 14))  \(value)")
    }
}

extension String {
    /// The text with spaces behind it, up to a width.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, width - count))
    }
}
