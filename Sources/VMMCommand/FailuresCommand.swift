import ArgumentParser
import Rainbow
import VMMDatastore
import VMMModel

struct FailuresCommand: AsyncParsableCommand {
    enum Grouping: String, ExpressibleByArgument, CaseIterable {
        case reason
    }

    static let configuration = CommandConfiguration(
        commandName: "failures",
        abstract: "Count failed VMMs, deleted ones included."
    )

    @Option(name: .customLong("by"), help: "What to count by.")
    var grouping = Grouping.reason

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await withDatastore(database, output) { datastore in
            let counts = try await datastore.countFailures()
            switch output.format {
            case .json: try output.write(json: FailuresReport(counts: counts))
            case .text: try write(counts)
            }
        }
    }

    private func write(_ counts: [VMMFailureCount]) throws {
        guard let largest = counts.map(\.total).max() else { return try output.write("no VMM has failed") }
        try output.write(row("REASON", "TOTAL", "LIVE", "DELETED", ""))
        for count in counts {
            let length = Int((Double(count.total) / Double(largest) * 40).rounded(.up))
            let bar = output.colored(String(repeating: "█", count: length), .red)
            let reason = count.reason?.label ?? "(none)"
            try output.write(row(reason, "\(count.total)", "\(count.live)", "\(count.deleted)", bar))
        }
    }

    private func row(_ reason: String, _ total: String, _ live: String, _ deleted: String, _ bar: String) -> String {
        let numbers = [total, live, deleted].map { String(repeating: " ", count: max(0, 10 - $0.count)) + $0 }
        return "\(reason.padded(to: 16))\(numbers.joined())\(bar.isEmpty ? "" : "  \(bar)")"
    }
}

/// The counts as the command's JSON has them.
private struct FailuresReport: Encodable {
    let counts: [VMMFailureCount]

    private enum CodingKeys: String, CodingKey {
        case total
        case failures
    }

    private struct Entry: Encodable {
        let count: VMMFailureCount

        private enum CodingKeys: String, CodingKey {
            case reason
            case total
            case live
            case deleted
        }

        func encode(to encoder: any Encoder) throws {
            var object = encoder.container(keyedBy: CodingKeys.self)
            try object.encode(count.reason, forKey: .reason)
            try object.encode(count.total, forKey: .total)
            try object.encode(count.live, forKey: .live)
            try object.encode(count.deleted, forKey: .deleted)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(counts.reduce(0) { $0 + $1.total }, forKey: .total)
        try object.encode(counts.map(Entry.init), forKey: .failures)
    }
}
