import SchemaMigrations

/// What `drift` found, in the shape of its JSON.
struct DriftReport: Encodable, Equatable {
    let drift: Bool
    @OrNull var version: Int64?
    let differences: [DifferenceLine]
    @OrNull var origin: OriginLine?
    let foreignExtensions: [String]
    let serverVersion: Int
    let builtOnVersion: Int
    let exitCode: Int32

    /// An object; what it should say and what it says.
    struct DifferenceLine: Encodable, Equatable {
        let kind: String
        let name: String
        let change: SchemaDifference.Change
        @OrNull var expected: String?
        @OrNull var found: String?

        init(_ difference: SchemaDifference) {
            kind = difference.kind
            name = difference.name
            change = difference.change
            _expected = OrNull(wrappedValue: difference.expected)
            _found = OrNull(wrappedValue: difference.found)
        }
    }

    /// Between which versions the drift began.
    struct OriginLine: Encodable, Equatable {
        @OrNull var after: Int64?
        @OrNull var before: Int64?
    }

    init(_ drift: SchemaDrift) {
        self.drift = !drift.differences.isEmpty
        _version = OrNull(wrappedValue: drift.version?.number)
        differences = drift.differences.map(DifferenceLine.init)
        _origin = OrNull(wrappedValue: drift.origin.map(OriginLine.init))
        foreignExtensions = drift.foreignExtensions
        serverVersion = drift.serverVersion
        builtOnVersion = drift.builtOnVersion
        exitCode = drift.exitCode.rawValue
    }
}

extension DriftReport.OriginLine {
    fileprivate init(_ origin: SchemaDrift.Origin) {
        let (after, before): (MigrationVersion?, MigrationVersion?) =
            switch origin {
            case .since(let after, let before): (after, before)
            case .already(let version): (nil, version)
            case .unknown: (nil, nil)
            }
        _after = OrNull(wrappedValue: after?.number)
        _before = OrNull(wrappedValue: before?.number)
    }
}
