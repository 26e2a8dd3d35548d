import ArgumentParser
import VMMDatastore
import VMMModel

struct MarkFailedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mark-failed",
        abstract: "Record that a VMM failed; the only command that writes.",
        discussion: """
            Goes through the guarded update: a reason that is recorded stays, and a VMM that has come to its end or is \
            deleted is left alone. What happened is printed; exit code 1 when nothing was written because the VMM is \
            deleted or at its end.

            EXAMPLE
              vmmdb mark-failed 22222222-2222-4222-8222-222222222222 --reason sled_off
            """
    )

    @Argument(help: "The VMM's identifier.")
    var id: VMMID

    @Option(help: "Why it failed.")
    var reason: VMMFailureReason

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try output.requireNoTable() }

    func run() async throws {
        var wasWritten = true
        try await withDatastore(database, output, writing: true) { datastore in
            let report = MarkFailedReport(try await datastore.markFailed(id, reason: reason), reason: reason)
            switch output.format {
            case .json: try output.write(json: report)
            case .text, .csv: try output.write(report.sentence)
            }
            wasWritten = report.isFailedNow
        }
        if !wasWritten { throw ExitCode.failure }
    }
}

/// What became of the request, in the shape of its JSON.
private struct MarkFailedReport: Encodable {
    let outcome: String
    let reason: VMMFailureReason?
    let row: VMMReport
    let sentence: String
    let isFailedNow: Bool

    private enum CodingKeys: String, CodingKey {
        case outcome
        case reason
        case row
    }

    init(_ result: MarkFailedOutcome, reason: VMMFailureReason) {
        let vmm = result.row
        row = VMMReport(vmm)
        switch result {
        case .marked:
            (outcome, self.reason, isFailedNow) = ("marked", reason, true)
            sentence = "\(vmm.id) was \(vmm.runtime.state.label) and is failed now: \(reason.label)"
        case .alreadyFailed:
            let recorded = vmm.runtime.state.failureReason
            (outcome, self.reason, isFailedNow) = ("already_failed", recorded, true)
            sentence = "\(vmm.id) is failed already: \(recorded?.label ?? "no reason") stays"
        case .ended:
            (outcome, self.reason, isFailedNow) = ("ended", nil, false)
            sentence = "\(vmm.id) is \(vmm.runtime.state.label), its end; nothing was written"
        case .deleted:
            (outcome, self.reason, isFailedNow) = ("deleted", vmm.runtime.state.failureReason, false)
            sentence = "\(vmm.id) is deleted; nothing was written"
        }
    }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(outcome, forKey: .outcome)
        try object.encode(reason, forKey: .reason)
        try object.encode(row, forKey: .row)
    }
}
