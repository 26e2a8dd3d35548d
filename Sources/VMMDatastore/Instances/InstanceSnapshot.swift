import Postgres
public import VMMModel

/// An instance and its active VMM, seen at one moment.
public struct InstanceAndVMM: Hashable, Sendable {
    /// The instance.
    public let instance: Instance
    /// The VMM that runs it; `nil` when it has none, or one whose row is missing or marked deleted.
    public let activeVMM: VMM?

    /// The state that users see.
    public var externalState: ExternalInstanceState { instance.externalState(activeVMM: activeVMM) }
}

/// An instance with everything that its row refers to, seen at one moment.
public struct InstanceSnapshot: Hashable, Sendable {
    /// The instance.
    public let instance: Instance
    /// The VMM that runs it; `nil` when it has none, or one that was not found.
    public let activeVMM: VMM?
    /// The VMM that it is moving to; `nil` when it has none, or one that was not found.
    public let targetVMM: VMM?
    /// The live migration between the two; `nil` when it has none, or one that was not found.
    public let liveMigration: LiveMigration?

    /// The state that users see; an active VMM that is marked deleted counts as none.
    public var externalState: ExternalInstanceState {
        instance.externalState(activeVMM: activeVMM.flatMap { $0.timeDeleted == nil ? $0 : nil })
    }

    /// The references of the instance that lead to nothing, or to a row that is marked deleted.
    public var danglingReferences: [DanglingReference] {
        let runtime = instance.runtime
        var found: [DanglingReference] = []
        if let id = runtime.activeVMMID, activeVMM == nil || activeVMM?.timeDeleted != nil {
            found.append(.activeVMM(id, deletedAt: activeVMM?.timeDeleted))
        }
        if let id = runtime.targetVMMID, targetVMM == nil || targetVMM?.timeDeleted != nil {
            found.append(.targetVMM(id, deletedAt: targetVMM?.timeDeleted))
        }
        if let id = runtime.liveMigrationID, liveMigration == nil || liveMigration?.timeDeleted != nil {
            found.append(.liveMigration(id, deletedAt: liveMigration?.timeDeleted))
        }
        return found
    }
}

/// A reference of an instance to a row that is missing, or marked deleted.
public enum DanglingReference: Hashable, Sendable, CustomStringConvertible {
    /// The active VMM; without a time its row was not found.
    case activeVMM(VMMID, deletedAt: Timestamp?)
    /// The VMM that the instance is moving to; without a time its row was not found.
    case targetVMM(VMMID, deletedAt: Timestamp?)
    /// The live migration; without a time its row was not found.
    case liveMigration(LiveMigrationID, deletedAt: Timestamp?)

    /// A sentence for operators.
    public var description: String {
        switch self {
        case .activeVMM(let id, let time): "the active VMM \(id) \(Self.fate(time))"
        case .targetVMM(let id, let time): "the target VMM \(id) \(Self.fate(time))"
        case .liveMigration(let id, let time): "the live migration \(id) \(Self.fate(time))"
        }
    }

    private static func fate(_ time: Timestamp?) -> String {
        time.map { "was deleted at \($0)" } ?? "was not found"
    }
}

enum ActiveVMMAlias: JoinAlias {
    static let name = "active_vmm"
}

enum TargetVMMAlias: JoinAlias {
    static let name = "target_vmm"
}

enum LiveMigrationAlias: JoinAlias {
    static let name = "live_migration"
}

extension InstanceAndVMM {
    /// Selects instances with their active VMMs, those that are not deleted; a condition on `instance` can follow.
    static let select = """
        SELECT \(Instance.selectList("instance")), \(JoinedRow<ActiveVMMAlias, VMM>.selectList)
        FROM instance
        LEFT JOIN vmm AS active_vmm
          ON active_vmm.id = instance.active_propolis_id AND active_vmm.time_deleted IS NULL
        """

    init(_ row: PostgresRow) throws {
        instance = try row.decode(record: IdentifiedRow<Instance>.self).get()
        activeVMM = try row.joined(ActiveVMMAlias.self)
    }
}

extension InstanceSnapshot {
    /// Selects instances with what they refer to; a condition on `instance` can follow.
    static func select(includingDeleted: Bool) -> String {
        func join(_ table: String, as alias: String, on column: String) -> String {
            "LEFT JOIN \(table) AS \(alias) ON \(alias).id = instance.\(column)"
                + (includingDeleted ? "" : " AND \(alias).time_deleted IS NULL")
        }
        return """
            SELECT \(Instance.selectList("instance")), \(JoinedRow<ActiveVMMAlias, VMM>.selectList),
              \(JoinedRow<TargetVMMAlias, VMM>.selectList),
              \(JoinedRow<LiveMigrationAlias, LiveMigration>.selectList)
            FROM instance
            \(join("vmm", as: ActiveVMMAlias.name, on: "active_propolis_id"))
            \(join("vmm", as: TargetVMMAlias.name, on: "target_propolis_id"))
            \(join("migration", as: LiveMigrationAlias.name, on: "migration_id"))
            """
    }

    init(_ row: PostgresRow) throws {
        instance = try row.decode(record: IdentifiedRow<Instance>.self).get()
        activeVMM = try row.joined(ActiveVMMAlias.self)
        targetVMM = try row.joined(TargetVMMAlias.self)
        liveMigration = try row.joined(LiveMigrationAlias.self)
    }
}
