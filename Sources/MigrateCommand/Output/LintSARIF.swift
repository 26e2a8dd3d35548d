import Foundation
import SchemaMigrations

/// The linter's findings as a SARIF 2.1.0 log, which code hosts and editors read.
enum LintSARIF {
    static func render(_ report: LintReport) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(Log(report)), as: UTF8.self)
    }

    private struct Log: Encodable {
        let schema = "https://json.schemastore.org/sarif-2.1.0.json"
        let version = "2.1.0"
        let runs: [Run]

        private enum CodingKeys: String, CodingKey {
            case schema = "$schema"
            case version
            case runs
        }

        init(_ report: LintReport) {
            let rules = LintRule.all
            let places = Dictionary(rules.enumerated().map { ($0.element.id, $0.offset) }) { first, _ in first }
            runs = [
                Run(
                    tool: Tool(driver: Driver(rules: rules.map(Rule.init))),
                    results: report.findings.map { Result($0, ruleIndex: places[$0.rule.id] ?? -1) }
                )
            ]
        }
    }

    private struct Run: Encodable {
        let tool: Tool
        let results: [Result]
        /// As SARIF counts by default UTF-16 units, and we count characters.
        let columnKind = "unicodeCodePoints"
    }

    private struct Tool: Encodable {
        let driver: Driver
    }

    private struct Driver: Encodable {
        let name = "migrate lint"
        let rules: [Rule]
    }

    private struct Rule: Encodable {
        let id: String
        let shortDescription: Message
        let help: Message

        init(_ rule: LintRule) {
            id = rule.id
            shortDescription = Message(text: rule.title)
            help = Message(text: "Safer: \(rule.safer). See \(rule.page).")
        }
    }

    private struct Message: Encodable {
        let text: String
    }

    private struct Result: Encodable {
        let ruleId: String
        let ruleIndex: Int
        let level = "warning"
        let message: Message
        let locations: [Location]

        init(_ finding: LintFinding, ruleIndex: Int) {
            ruleId = finding.rule.id
            self.ruleIndex = ruleIndex
            message = Message(text: "\(finding.rule.title): \(finding.why). Safer: \(finding.rule.safer).")
            let region = Region(startLine: finding.excerpt.line, startColumn: finding.excerpt.column)
            let artifact = Artifact(uri: Self.uri(of: finding.location.file))
            locations = [Location(physicalLocation: Place(artifactLocation: artifact, region: region))]
        }

        /// A path as a URI reference.
        private static func uri(of path: String) -> String {
            path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed.subtracting([":"])) ?? path
        }
    }

    private struct Location: Encodable {
        let physicalLocation: Place
    }

    private struct Place: Encodable {
        let artifactLocation: Artifact
        let region: Region
    }

    private struct Artifact: Encodable {
        let uri: String
    }

    private struct Region: Encodable {
        let startLine: Int
        let startColumn: Int
    }
}

extension CharacterSet {
    fileprivate func subtracting(_ characters: [Unicode.Scalar]) -> CharacterSet {
        subtracting(CharacterSet(characters))
    }
}
