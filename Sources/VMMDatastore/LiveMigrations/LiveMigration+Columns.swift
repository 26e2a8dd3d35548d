public import Postgres
public import VMMModel

extension LiveMigration: InsertableRow {
    static let tableName = "migration"

    /// All columns, in the order in which they are read.
    static let columns: [BoundColumn<LiveMigration>] =
        [
            BoundColumn("id", at: 1) { $0.id },
            BoundColumn("instance_id", at: 2) { $0.instanceID },
            BoundColumn("time_created", at: 3) { $0.timeCreated },
            BoundColumn("time_deleted", at: 4) { $0.timeDeleted },
        ]
        + LiveMigrationSide.allCases.flatMap { side in
            BoundColumn<LiveMigration>.columns(side.fixedColumns + side.columns) { $0[keyPath: side.keyPath] }
        }
}

extension LiveMigration: PostgresRecord {
    /// The columns of the table `migration` that a live migration is made of.
    public static let columnNames = columns.map(\.name)

    /// Reads a row of the table `migration`.
    ///
    /// - Throws: `PostgresError` of code `decodingFailed`: unknown label, or value out of range.
    public init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        self.init(
            id: try columns.next(),
            instanceID: try columns.next(),
            timeCreated: try columns.next(),
            timeDeleted: try columns.next(),
            source: try LiveMigrationSide.read(from: &columns),
            target: try LiveMigrationSide.read(from: &columns)
        )
    }
}

/// Which side of a live migration.
public enum LiveMigrationSide: Hashable, Sendable, CaseIterable {
    /// The side that the instance leaves.
    case source

    /// The side that the instance goes to.
    case target
}

// Everything that one side has to do with columns, for both of them.
extension LiveMigrationSide {
    /// The columns that a report replaces.
    var columns: [BoundColumn<LiveMigration.Side>] {
        let first = self == .source ? 5 : 9
        return [
            BoundColumn("\(prefix)_state", at: first) { $0.state },
            BoundColumn("\(prefix)_gen", at: first + 2) { $0.generation },
            BoundColumn("time_\(prefix)_updated", at: first + 3) { $0.timeUpdated },
        ]
    }

    /// The column that says whose reports are accepted.
    var fixedColumns: [BoundColumn<LiveMigration.Side>] {
        [BoundColumn("\(prefix)_propolis_id", at: self == .source ? 6 : 10) { $0.vmmID }]
    }

    var prefix: String {
        switch self {
        case .source: "source"
        case .target: "target"
        }
    }

    var keyPath: any WritableKeyPath<LiveMigration, LiveMigration.Side> & Sendable {
        switch self {
        case .source: \.source
        case .target: \.target
        }
    }

    /// The guarded update of the side.
    var update: GuardedUpdate<LiveMigration, LiveMigration.Side> {
        switch self {
        case .source: Self.sourceUpdate
        case .target: Self.targetUpdate
        }
    }

    private static let sourceUpdate = makeUpdate(of: .source)
    private static let targetUpdate = makeUpdate(of: .target)

    private static func makeUpdate(of side: LiveMigrationSide) -> GuardedUpdate<LiveMigration, LiveMigration.Side> {
        GuardedUpdate(
            side.keyPath,
            guardColumn: "\(side.prefix)_gen",
            columns: side.columns,
            fixedColumns: side.fixedColumns
        )
    }

    static func read(from columns: inout PostgresRecordColumns) throws(PostgresError) -> LiveMigration.Side {
        LiveMigration.Side(
            vmmID: try columns.next(),
            state: try columns.next(),
            generation: try columns.next(),
            timeUpdated: try columns.next()
        )
    }
}

extension LiveMigration.Side: Guarded {}
