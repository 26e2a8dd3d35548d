/// How the live schema differs from what its migrations make.
public struct SchemaDrift: Sendable {
    /// When it began, as far as the recorded fingerprints tell.
    public enum Origin: Sendable, Hashable {
        /// The schema was as it should be when `after` was applied; it was not any more when `before` was. Without
        /// `before`, every version that was applied since left the right schema.
        case since(after: MigrationVersion, before: MigrationVersion?)
        /// The first version whose schema is on record had left a wrong one already.
        case already(at: MigrationVersion)
        /// No fingerprint is on record that could be compared.
        case unknown
    }

    /// The objects in which they differ; expected is what the migrations make, found what the database has.
    public let differences: [SchemaDifference]
    /// Extensions that the database has and no migration makes: not drift, since hosts install them on their own.
    public let foreignExtensions: [String]
    /// The migrations that the schema was built from: all that are applied.
    public let version: MigrationVersion?
    /// When the drift began; nil when there is none.
    public let origin: Origin?
    /// PostgreSQL's major version of the database.
    public let serverVersion: Int
    /// PostgreSQL's major version where the migrations were built; another one may spell a view otherwise.
    public let builtOnVersion: Int

    /// 7 when there is drift.
    public var exitCode: MigrationExitCode { differences.isEmpty ? .done : .disagreement }

    init(
        expected: SchemaSnapshot,
        found: SchemaSnapshot,
        version: MigrationVersion?,
        recorded: [MigrationVersion: SchemaFingerprint],
        built: [MigrationVersion: SchemaFingerprint]
    ) {
        let all = SchemaDifference.between(expected: expected, found: found)
        let foreign = all.filter { $0.kind == "extension" && $0.change == .unexpected }
        differences = all.filter { !foreign.contains($0) }
        foreignExtensions = foreign.map(\.name)
        self.version = version
        serverVersion = found.serverVersion
        builtOnVersion = expected.serverVersion
        origin =
            differences.isEmpty
            ? nil : Self.origin(recorded, built, hasForeignExtensions: !foreign.isEmpty)
    }

    private static func origin(
        _ recorded: [MigrationVersion: SchemaFingerprint],
        _ built: [MigrationVersion: SchemaFingerprint],
        hasForeignExtensions: Bool
    ) -> Origin {
        let comparable = recorded.keys.sorted().filter { version in
            recorded[version].flatMap { built[version]?.isComparable(with: $0) } ?? false
        }
        guard let first = comparable.first else { return .unknown }
        guard let last = comparable.last(where: { recorded[$0] == built[$0] }) else {
            // The extensions alone make every fingerprint differ.
            return hasForeignExtensions ? .unknown : .already(at: first)
        }
        return .since(after: last, before: comparable.first { $0 > last })
    }
}
