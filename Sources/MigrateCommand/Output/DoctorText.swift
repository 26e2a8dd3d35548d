import SchemaMigrations

/// What `doctor` says, as text.
enum DoctorText {
    static func render(_ diagnosis: Diagnosis, _ style: TextStyle) -> String {
        let cells = diagnosis.findings.map { finding in
            [finding.severity.rawValue, finding.check.rawValue.replacing("_", with: " "), finding.message]
        }
        let lines = zip(diagnosis.findings, TextTable.render(cells, indent: "")).flatMap { finding, line in
            [painted(line, finding.severity, style)] + (finding.hint.map { ["         hint: \($0)"] } ?? [])
        }
        return (lines + ["", summary(diagnosis)]).joined(separator: "\n")
    }

    private static func painted(_ line: String, _ severity: Diagnosis.Severity, _ style: TextStyle) -> String {
        let word = severity.rawValue
        let color: TextStyle.Color? =
            switch severity {
            case .ok: .green
            case .note: nil
            case .warning, .unknown: .yellow
            case .problem: .red
            }
        guard let color else { return line }
        return style.paint(word, color) + line.dropFirst(word.count)
    }

    private static func summary(_ diagnosis: Diagnosis) -> String {
        let problems = diagnosis.findings.count { $0.severity == .problem }
        let warnings = diagnosis.findings.count { $0.severity == .warning }
        let counts = "\(Quantity.many(problems, "problem")), \(Quantity.many(warnings, "warning"))"
        return problems > 0
            ? "\(counts); settle the problems, then: migrate up"
            : "\(counts); nothing was found that keeps migrate up from working"
    }
}

/// What `doctor` reports, in the shape of its JSON.
struct DoctorReport: Encodable, Sendable, Equatable {
    let checks: [Finding]
    let exitCode: Int32

    struct Finding: Encodable, Sendable, Equatable {
        let check: Diagnosis.Check
        let severity: Diagnosis.Severity
        let message: String
        @OrNull var hint: String?

        init(_ finding: Diagnosis.Finding) {
            check = finding.check
            severity = finding.severity
            message = finding.message
            _hint = OrNull(wrappedValue: finding.hint)
        }
    }

    init(_ diagnosis: Diagnosis) {
        checks = diagnosis.findings.map(Finding.init)
        exitCode = diagnosis.exitCode.rawValue
    }
}
