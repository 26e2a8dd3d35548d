import SchemaMigrations

/// What `verify` found, in the shape of its JSON.
struct VerifyReport: Encodable, Equatable {
    let verified: Bool
    let migrations: [MigrationLine]
    let findings: [FindingLine]
    let schema: SchemaLine
    let exitCode: Int32

    struct MigrationLine: Encodable, Equatable {
        let version: Int64
        let name: String
        let outcome: String
        @OrNull var error: ErrorReport?
    }

    struct FindingLine: Encodable, Equatable {
        let kind: String
        let version: Int64
        @OrNull var file: String?
        let message: String
        let hint: String
        let blocking: Bool

        init(_ finding: MigrationFinding) {
            kind = finding.kind.rawValue
            version = finding.version.number
            _file = OrNull(wrappedValue: finding.file)
            message = finding.message
            hint = finding.hint
            blocking = finding.isBlocking
        }
    }

    struct SchemaLine: Encodable, Equatable {
        let outcome: String
        @OrNull var version: Int64?
        @OrNull var recorded: String?
        @OrNull var live: String?
    }

    init(_ verification: Verification) {
        verified = verification.exitCode == .done
        migrations = verification.checks.map(MigrationLine.init)
        findings = verification.findings.map(FindingLine.init)
        schema = SchemaLine(verification.schema)
        exitCode = verification.exitCode.rawValue
    }
}

extension VerifyReport.MigrationLine {
    fileprivate init(_ check: Verification.Check) {
        version = check.migration.version.number
        name = check.migration.name
        let (outcome, error): (String, MigrationError?) =
            switch check.outcome {
            case .passed: ("passed", nil)
            case .failed(let error): ("failed", error)
            case .notRun(let error): ("not_run", error)
            case .noScript: ("no_script", nil)
            }
        self.outcome = outcome
        _error = OrNull(wrappedValue: error.map(ErrorReport.init))
    }
}

extension VerifyReport.SchemaLine {
    fileprivate init(_ check: Verification.SchemaCheck) {
        switch check {
        case .unchanged(let live, let version): self.init("unchanged", version, recorded: live, live: live)
        case .changed(let recorded, let live, let version):
            self.init("changed", version, recorded: recorded, live: live)
        case .incomparable(let recorded, let live, let version):
            self.init("incomparable", version, recorded: recorded, live: live)
        case .notRecorded(let version): self.init("not_recorded", version)
        case .betweenVersions(let version): self.init("partial", version)
        case .nothingApplied: self.init("nothing_applied", nil)
        }
    }

    private init(
        _ outcome: String,
        _ version: MigrationVersion?,
        recorded: SchemaFingerprint? = nil,
        live: SchemaFingerprint? = nil
    ) {
        self.outcome = outcome
        _version = OrNull(wrappedValue: version?.number)
        _recorded = OrNull(wrappedValue: recorded?.description)
        _live = OrNull(wrappedValue: live?.description)
    }
}
