import Rainbow
import VMMDatastore
import VMMModel

/// Writes VMMs as they come, page by page: a million of them need no more memory than one page.
struct VMMListing {
    let filter: VMMFilter
    let output: OutputOptions

    private static let pageSize = 500

    func write(from datastore: Datastore) async throws {
        var last: VMMID?
        repeat {
            let page = try await datastore.vmms(matching: filter, after: last, limit: Self.pageSize)
            if last == nil, let header { try output.write(header) }
            let lines = try page.map { try line(VMMReport(stored: $0)) }
            // A page at a time: a line at a time would be as many system calls.
            if !lines.isEmpty { try output.write(lines.joined(separator: "\n")) }
            last = page.last?.id
        } while last != nil
    }

    /// The titles; JSON has none.
    private var header: String? {
        let titles = ["ID", "STATE", "FAILURE_REASON", "GENERATION", "INSTANCE", "SLED", "UPDATED"]
        let all = filter.includesDeleted ? titles + ["DELETED"] : titles
        return switch output.format {
        case .text: row(all)
        case .csv: OutputOptions.line(csv: all.map { $0.lowercased() })
        case .json: nil
        }
    }

    private func line(_ report: VMMReport) throws -> String {
        switch output.format {
        case .json: try OutputOptions.line(json: report)
        case .text: colored(row(cells(report)), report)
        case .csv: OutputOptions.line(csv: cells(report))
        }
    }

    private func cells(_ report: VMMReport) -> [String] {
        let vmm = report.vmm
        let cells = [
            vmm.id.description, vmm.runtime.state.label, report.reason?.label ?? "",
            vmm.runtime.generation.description, vmm.instanceID.description, vmm.sledID.description,
            vmm.runtime.timeUpdated.description,
        ]
        return filter.includesDeleted ? cells + [vmm.timeDeleted?.description ?? ""] : cells
    }

    private func colored(_ line: String, _ report: VMMReport) -> String {
        if !report.warnings.isEmpty { return output.colored(line, .yellow) }
        return report.vmm.runtime.state.isFailed ? output.colored(line, .red) : line
    }

    /// Widths that do not depend on the rows, since these are shown as they come.
    private func row(_ cells: [String]) -> String {
        let widths = [36, 12, 16, 10, 36, 36, 27, 27]
        let shown = cells.lastIndex { !$0.isEmpty }.map { cells[...$0] } ?? []
        return zip(shown, widths).enumerated().map { index, cell in
            index == shown.count - 1 ? cell.0 : cell.0.padded(to: cell.1)
        }
        .joined(separator: "  ")
    }
}
