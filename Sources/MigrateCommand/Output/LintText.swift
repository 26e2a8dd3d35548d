import Foundation
import SchemaMigrations

/// The linter's findings as a compiler would print them.
enum LintText {
    static func render(_ report: LintReport, _ style: TextStyle) -> String {
        let findings = report.findings.map { text(of: $0, style) }
        return (findings + [summary(of: report, style)]).joined(separator: "\n\n")
    }

    private static func text(of finding: LintFinding, _ style: TextStyle) -> String {
        let size = finding.tableBytes.map { " (the table has \(Quantity.bytes($0)))" } ?? ""
        return """
            \(style.paint("\(finding.location)", .cyan)): \(style.paint(finding.rule.id, .yellow)): \(finding.rule.title)
            \(finding.excerpt)
              why: \(finding.why)\(size)
              safer: \(finding.rule.safer)
              see: \(finding.rule.page)
            """
    }

    private static func summary(of report: LintReport, _ style: TextStyle) -> String {
        let files = report.fileCount == 1 ? "1 file" : "\(report.fileCount) files"
        let silenced = report.silencedCount == 0 ? "" : ", \(report.silencedCount) silenced"
        let count = report.findings.count
        guard count > 0 else { return style.paint("no findings in \(files)\(silenced)", .green) }
        return style.paint("\(count == 1 ? "1 finding" : "\(count) findings") in \(files)\(silenced)", .red)
    }
}

/// The linter's findings as commands that GitHub turns into annotations.
enum LintGitHub {
    static func render(_ report: LintReport) -> String {
        report.findings.map { finding in
            let place = [
                "file=\(property(finding.location.file))", "line=\(finding.excerpt.line)",
                "col=\(finding.excerpt.column)",
                "title=\(property(finding.rule.id))",
            ]
            let text = "\(finding.rule.title): \(finding.why)\nsafer: \(finding.rule.safer)\nsee: \(finding.rule.page)"
            return "::error \(place.joined(separator: ","))::\(data(text))"
        }.joined(separator: "\n")
    }

    private static func data(_ text: String) -> String {
        text.replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
    }

    private static func property(_ text: String) -> String {
        data(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
    }
}
