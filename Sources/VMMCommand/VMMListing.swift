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
            if last == nil { try writeHeader() }
            for stored in page { try write(VMMReport(stored: stored)) }
            last = page.last?.id
        } while last != nil
    }

    private func writeHeader() throws {
        let titles = ["ID", "STATE", "FAILURE_REASON", "GENERATION", "INSTANCE", "SLED", "UPDATED"]
        let all = filter.includesDeleted ? titles + ["DELETED"] : titles
        switch output.format {
        case .text: try output.write(row(all))
        case .csv: try output.write(csv: all.map { $0.lowercased() })
        case .json: break
        }
    }

    private func write(_ report: VMMReport) throws {
        switch output.format {
        case .json: try output.write(json: report)
        case .text: try output.write(line(report))
        case .csv: try output.write(csv: cells(report))
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

    private func line(_ report: VMMReport) -> String {
        let line = row(cells(report))
        if !report.warnings.isEmpty { return output.colored(line, .yellow) }
        return report.vmm.runtime.state.isFailed ? output.colored(line, .red) : line
    }

    /// Widths that do not depend on the rows, since these are shown as they come.
    private func row(_ cells: [String]) -> String {
        let widths = [36, 12, 16, 10, 36, 36, 27, 27]
        let padded = zip(cells, widths).map { $0.padded(to: $1) }.joined(separator: "  ")
        return String(padded.reversed().drop { $0 == " " }.reversed())
    }
}
