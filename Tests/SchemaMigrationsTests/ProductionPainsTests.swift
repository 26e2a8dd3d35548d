import Foundation
import Testing

/// What the documents say about production pains is held against the tests that they name.
@Suite struct ProductionPainsTests {
    @Test func `each of the 32 pains names tests that are there, the same in both documents`() throws {
        let tests = try Self.testSources()
        let readme = try Self.pains(in: "migrations/README.md", /"([^"]+)"/)
        let article = try Self.pains(
            in: "Sources/SchemaMigrations/Documentation.docc/ProductionPains.md",
            /`([^`]+)`/
        )
        #expect(readme.map(\.number) == Array(1...32))
        #expect(readme == article)
        for pain in readme {
            #expect(!pain.tests.isEmpty, "pain \(pain.number) names no test")
            for name in pain.tests where !tests.contains("func `\(name)`") {
                Issue.record("pain \(pain.number): no test \(name)")
            }
        }
    }

    @Test func `each test that the rules of migrations name is there`() throws {
        let tests = try Self.testSources()
        let rows = try Self.rows(of: "migrations/README.md").filter { $0.hasPrefix("| **") }
        #expect(rows.count > 10)
        for row in rows {
            let names = Self.names(in: Self.cells(row).last ?? "", /"([^"]+)"/)
            for name in names where !tests.contains("func `\(name)`") { Issue.record("no test \(name)") }
        }
    }

    private struct Pain: Equatable {
        let number: Int
        let tests: [String]
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        .standardizedFileURL

    private static func pains(in file: String, _ name: Regex<(Substring, Substring)>) throws -> [Pain] {
        try rows(of: file).compactMap { row in
            let cells = cells(row)
            guard cells.count == 4, let number = Int(cells[0]) else { return nil }
            return Pain(number: number, tests: names(in: cells[3], name))
        }
    }

    private static func rows(of file: String) throws -> [Substring] {
        try String(contentsOf: root.appending(path: file), encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("| ") }
    }

    private static func cells(_ row: Substring) -> [String] {
        row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    private static func names(in cell: String, _ name: Regex<(Substring, Substring)>) -> [String] {
        cell.matches(of: name).map { String($0.1) }
    }

    private static func testSources() throws -> String {
        let folder = root.appending(path: "Tests")
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        return try files.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
            .map { try String(contentsOf: $0, encoding: .utf8) }.joined()
    }
}
