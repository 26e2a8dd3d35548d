/// A plan as a file holds it: what is to run, and what must still be true when it does.
///
/// ```swift
/// let saved = try await migrator.save(plan, to: .latest, phase: .expand)
/// // later, by whoever applies it
/// try await migrator.up(following: saved)
/// ```
///
/// It holds no SQL, no password and no address: files are told by their checksums, the schema's objects by the
/// checksums of their definitions.
public struct SavedPlan: Sendable, Equatable, Codable {
    /// The layout that this release writes and reads.
    public static let currentFormat = 1

    /// The layout of the file.
    public let format: Int
    /// When it was made, by the server's clock, in ISO 8601.
    public let madeAt: String
    /// The database that it was made for.
    public let database: Database
    /// The version that was asked for; nil for everything.
    public let target: Int64?
    /// Which migrations were included.
    public let phase: PhaseSelection
    /// Whether migrations were included that are older than the newest applied one.
    public let allowsOutOfOrder: Bool
    /// The steps to run, in order.
    public let steps: [Step]
    /// What the history held.
    public let history: [Record]
    /// What the schema held.
    public let objects: [Object]

    /// A database, told apart from its copies by what the server says of itself.
    public struct Database: Sendable, Hashable, Codable {
        /// Its name.
        public let name: String
        /// The cluster's identifier; nil where the role may not ask for it.
        public let cluster: String?
        /// The server's major version.
        public let serverVersion: Int
        /// The schema in which the history lives.
        public let historySchema: String
    }

    /// A step that is to run.
    public struct Step: Sendable, Hashable, Codable {
        /// The migration's version.
        public let version: Int64
        /// The step's place in its migration, from 1.
        public let ordinal: Int
        /// The step for people: `0002_vmm_failure_reason/04_backfill`.
        public let label: String
        /// The file's checksum.
        public let checksum: String
    }

    /// A line of the history.
    public struct Record: Sendable, Hashable, Codable {
        /// The migration's version.
        public let version: Int64
        /// The step's place in its migration, from 1.
        public let ordinal: Int
        /// The step for people.
        public let label: String
        /// What was known about it.
        public let outcome: HistoryRecord.Outcome
        /// The file's checksum when it ran.
        public let checksum: String
    }

    /// An object of the schema.
    public struct Object: Sendable, Hashable, Codable {
        /// What it is, as in ``SchemaObject/kind``.
        public let kind: String
        /// Its qualified name.
        public let name: String
        /// The checksum of its definition.
        public let checksum: String
    }
}

extension SavedPlan.Step {
    init(_ planned: PlannedStep) {
        version = planned.migration.version.number
        ordinal = planned.step.ordinal
        label = planned.label
        checksum = planned.step.file.checksum.description
    }

    /// Whether it is the same file at the same place, whatever its name is.
    fileprivate func isSame(as other: Self) -> Bool {
        isPlace(of: other.version, other.ordinal) && checksum == other.checksum
    }

    fileprivate func isPlace(of version: Int64, _ ordinal: Int) -> Bool {
        self.version == version && self.ordinal == ordinal
    }
}

extension SavedPlan.Record {
    init(_ record: HistoryRecord) {
        version = record.version.number
        ordinal = record.stepOrdinal
        label = "\(record.version)_\(record.migrationName)/\(record.stepName)"
        outcome = record.outcome
        checksum = record.checksum.description
    }
}

extension SavedPlan.Object {
    init(_ object: SchemaObject) {
        kind = object.kind
        name = object.name
        checksum = Checksum(ofCanonical: Array(object.definition.utf8)).description
    }
}

extension SavedPlan {
    /// What the world looks like to a plan that is about to be applied.
    struct World {
        let database: Database
        let pending: [Step]
        let history: [Record]
        let objects: [Object]
    }

    /// In what the world is not any more as the plan says, each in a sentence; empty when it can be applied.
    ///
    /// Steps of the plan that are applied already are no difference: a run that was cut short goes on. The schema is
    /// compared only as long as none of them is.
    func differences(from world: World) -> [String] {
        guard format == Self.currentFormat else {
            return ["it has format \(format); this program knows format \(Self.currentFormat)"]
        }
        guard database == world.database else { return [Self.otherDatabase(database, world.database)] }
        var found = filesThatDiffer(world.pending, world.history)
        found += historyThatDiffers(world.history)
        if found.isEmpty, !isBegun(world.history) { found += objectsThatDiffer(world.objects) }
        return found
    }

    private func filesThatDiffer(_ pending: [Step], _ history: [Record]) -> [String] {
        let expected = steps.suffix(pending.count)
        if pending.count <= steps.count, zip(expected, pending).allSatisfy({ $0.isSame(as: $1) }) { return [] }
        let added = pending.filter { step in !steps.contains { $0.isSame(as: step) } }.map { step in
            steps.contains { $0.isPlace(of: step.version, step.ordinal) }
                ? "\(step.label) has been edited" : "\(step.label) is pending now and not in the plan"
        }
        let gone = steps.filter { step in
            !pending.contains { $0.isPlace(of: step.version, step.ordinal) }
                && !history.contains { step.isPlace(of: $0.version, $0.ordinal) }
        }
        let found = added + gone.map { "\($0.label) is in the plan and not pending now" }
        return found.isEmpty ? ["the pending steps are in another order"] : found
    }

    private func historyThatDiffers(_ history: [Record]) -> [String] {
        let added = history.filter { record in
            !self.history.contains(record) && !steps.contains { $0.isPlace(of: record.version, record.ordinal) }
        }
        let gone = self.history.filter { record in
            !history.contains { $0.version == record.version && $0.ordinal == record.ordinal }
        }
        return added.map { "\($0.label) is \($0.outcome.rawValue) in the history, and was not" }
            + gone.map { "\($0.label) was \($0.outcome.rawValue) in the history, and is gone" }
    }

    private func isBegun(_ history: [Record]) -> Bool {
        history.contains { record in
            steps.contains { $0.isPlace(of: record.version, record.ordinal) } && !self.history.contains(record)
        }
    }

    private func objectsThatDiffer(_ objects: [Object]) -> [String] {
        SchemaDifference.between(expected: Self.snapshot(self.objects), found: Self.snapshot(objects)).map {
            difference in
            switch difference.change {
            case .missing: "\(difference.kind) \(difference.name) is gone"
            case .unexpected: "\(difference.kind) \(difference.name) is new"
            case .changed: "\(difference.kind) \(difference.name) has changed"
            }
        }
    }

    private static func snapshot(_ objects: [Object]) -> SchemaSnapshot {
        let objects = objects.map { SchemaObject(kind: $0.kind, name: $0.name, definition: $0.checksum) }
        return SchemaSnapshot(objects: objects, serverVersion: 0)
    }

    private static func otherDatabase(_ planned: Database, _ found: Database) -> String {
        if planned.name != found.name { return "it was made for database \(planned.name), and this is \(found.name)" }
        if planned.cluster != found.cluster { return "it was made for database \(planned.name) of another server" }
        if planned.historySchema != found.historySchema {
            return "it was made for the history in schema \(planned.historySchema), not \(found.historySchema)"
        }
        return "it was made for PostgreSQL \(planned.serverVersion), and this is \(found.serverVersion)"
    }
}
