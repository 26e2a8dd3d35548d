import SchemaMigrations

/// The linter's findings as one JSON object.
struct LintJSON: Encodable {
    let findings: [Finding]
    let files: Int
    let silenced: Int
    /// What was tried; left out where nothing was asked to be.
    let trace: [TracedStep]?

    init(_ report: LintReport, _ traces: [StepTrace]? = nil) {
        findings = report.findings.map(Finding.init)
        files = report.fileCount
        silenced = report.silencedCount
        trace = traces?.map(TracedStep.init)
    }

    struct Finding: Encodable {
        let rule: String
        let title: String
        let file: String
        let line: Int
        let column: Int
        let why: String
        let safer: String
        let page: String
        @OrNull var tableBytes: Int64?

        init(_ finding: LintFinding) {
            rule = finding.rule.id
            title = finding.rule.title
            file = finding.location.file
            line = finding.excerpt.line
            column = finding.excerpt.column
            why = finding.why
            safer = finding.rule.safer
            page = finding.rule.page
            _tableBytes = OrNull(wrappedValue: finding.tableBytes)
        }
    }
}
