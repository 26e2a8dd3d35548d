import ArgumentParser
import Rainbow
import VMMDatastore
import VMMModel

struct FailuresCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "failures",
        abstract: "Count failed VMMs, deleted ones included.",
        discussion: """
            EXAMPLE
              vmmdb failures --by day --since 2026-08-01
              vmmdb failures --by sled --format csv > failures.csv
            """
    )

    @Option(help: "What to count by.")
    var by = FailureGrouping.reason

    @Option(
        help: ArgumentHelp(
            "Only VMMs whose state was last written then or later; 2026-08-21 (UTC) or 2026-08-21T12:00:00Z.",
            valueName: "time"
        ),
        transform: Self.time
    )
    var since: Timestamp?

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await withDatastore(database, output) { datastore in
            let counts = try await datastore.countFailures(by: by, since: since)
            switch output.format {
            case .json: try output.write(json: FailuresReport(by: by, counts: counts))
            case .csv: try writeTable(counts)
            case .text: try writeBars(counts)
            }
        }
    }

    private static func time(_ text: String) throws -> Timestamp {
        guard let time = Timestamp(text) ?? Timestamp("\(text)T00:00:00Z") else {
            throw ValidationError("'\(text)' is no time; write 2026-08-21 or 2026-08-21T12:00:00Z")
        }
        return time
    }

    private func writeTable(_ counts: [VMMFailureCount]) throws {
        try output.write(csv: [by.rawValue, "total", "live", "deleted"])
        for count in counts {
            try output.write(csv: [count.group ?? "", "\(count.total)", "\(count.live)", "\(count.deleted)"])
        }
    }

    private func writeBars(_ counts: [VMMFailureCount]) throws {
        guard let largest = counts.map(\.total).max() else { return try output.write("no VMM has failed") }
        try output.write(row(by.rawValue.uppercased(), "TOTAL", "LIVE", "DELETED", ""))
        for count in counts {
            let length = Int((Double(count.total) / Double(largest) * 40).rounded(.up))
            let bar = output.colored(String(repeating: "█", count: length), .red)
            try output.write(row(count.group ?? "(none)", "\(count.total)", "\(count.live)", "\(count.deleted)", bar))
        }
    }

    private func row(_ group: String, _ total: String, _ live: String, _ deleted: String, _ bar: String) -> String {
        let numbers = [total, live, deleted].map { String(repeating: " ", count: max(0, 10 - $0.count)) + $0 }
        let width = by == .sled ? 36 : 16
        return "\(group.padded(to: width))\(numbers.joined())\(bar.isEmpty ? "" : "  \(bar)")"
    }
}

/// The counts as the command's JSON has them.
private struct FailuresReport: Encodable {
    let by: FailureGrouping
    let counts: [VMMFailureCount]

    /// A field whose name depends on what was counted by.
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: Key.self)
        try object.encode(counts.reduce(0) { $0 + $1.total }, forKey: Key("total"))
        var entries = object.nestedUnkeyedContainer(forKey: Key("failures"))
        for count in counts {
            var entry = entries.nestedContainer(keyedBy: Key.self)
            try entry.encode(count.group, forKey: Key(by.rawValue))
            try entry.encode(count.total, forKey: Key("total"))
            try entry.encode(count.live, forKey: Key("live"))
            try entry.encode(count.deleted, forKey: Key("deleted"))
        }
    }
}
