import ArgumentParser
import Rainbow
import VMMDatastore
import VMMModel

struct InstanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "instance",
        abstract: "Show an instance with its VMMs, its live migration, its effective state and who holds its lock.",
        discussion: """
            What the instance refers to is shown even when it is deleted, and warned of.

            EXAMPLE
              vmmdb instance 55555555-5555-4555-8555-555555555555
            """
    )

    @Argument(help: "The instance's identifier.")
    var id: InstanceID

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try output.requireNoTable() }

    func run() async throws {
        try await withDatastore(database, output) { datastore in
            let snapshot = try await datastore.fetchSnapshot(of: id, includingDeleted: true)
            switch output.format {
            case .json: try output.write(json: InstanceReport(snapshot: snapshot))
            case .text, .csv: try write(snapshot)
            }
        }
    }

    private func write(_ snapshot: InstanceSnapshot) throws {
        let instance = snapshot.instance
        try output.write("instance", instance.id.description)
        try output.write("name", instance.name)
        try output.write("project", instance.projectID.description)
        try output.write("effective", snapshot.externalState.label)
        try output.write("state", "\(instance.runtime.state.kind.label), generation \(instance.runtime.generation)")
        try output.write("intended", instance.intendedState.label)
        try output.write("updated", instance.runtime.timeUpdated.description)
        try output.write("created", instance.timeCreated.description)
        if let time = instance.timeDeleted { try output.write("deleted", time.description) }
        let holder = instance.updaterID.map { "held by \($0)" } ?? "free"
        try output.write("updater lock", "\(holder), generation \(instance.updaterGeneration)")
        for reference in snapshot.danglingReferences {
            try output.write("warning", output.colored("\(reference)", .yellow))
        }
        try write("active VMM", snapshot.activeVMM)
        try write("target VMM", snapshot.targetVMM)
        if let migration = snapshot.liveMigration { try write(migration) }
    }

    private func write(_ title: String, _ vmm: VMM?) throws {
        guard let vmm else { return }
        try output.write("\n\(title)")
        try VMMDetails(report: VMMReport(vmm), output: output).write()
    }

    private func write(_ migration: LiveMigration) throws {
        try output.write("\nlive migration")
        try output.write("migration", migration.id.description)
        for (name, side) in [("source", migration.source), ("target", migration.target)] {
            let time = side.timeUpdated.map { ", updated \($0)" } ?? ""
            try output.write(name, "\(side.state.label), generation \(side.generation)\(time), VMM \(side.vmmID)")
        }
    }
}
