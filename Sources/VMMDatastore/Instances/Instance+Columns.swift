public import Postgres
public import VMMModel

extension Instance: StoredRow {
    static let tableName = "instance"

    /// The columns that an instance is made of, in the order in which they are read.
    static let columns: [BoundColumn<Instance>] =
        [
            BoundColumn("id", at: 1) { $0.id },
            BoundColumn("project_id", at: 7) { $0.projectID },
            BoundColumn("name", at: 2) { $0.name },
            BoundColumn("time_created", at: 4) { $0.timeCreated },
            BoundColumn("time_modified", at: 5) { $0.timeModified },
            BoundColumn("time_deleted", at: 6) { $0.timeDeleted },
        ] + BoundColumn<Instance>.columns(InstanceRuntimeState.columns) { $0.runtime } + [
            BoundColumn("intended_state", at: 23) { $0.intendedState },
            BoundColumn("auto_restart_policy", at: 20) { $0.autoRestartPolicy },
            BoundColumn("auto_restart_cooldown", at: 21) { $0.autoRestartCooldown.map(Cooldown.init) },
            BoundColumn("updater_id", at: 16) { $0.updaterID },
            BoundColumn("updater_gen", at: 17) { $0.updaterGeneration },
            BoundColumn("cpu_platform", at: 24) { $0.cpuPlatform },
        ]

    /// The columns of the table that are no part of an instance's life.
    static let otherColumns = [
        ColumnDefinition(name: "description", position: 3, type: "character varying(512)", isNullable: false),
        ColumnDefinition(name: "ncpus", position: 13, type: "bigint", isNullable: false),
        ColumnDefinition(name: "memory", position: 14, type: "bigint", isNullable: false),
        ColumnDefinition(name: "hostname", position: 15, type: "character varying(63)", isNullable: false),
        ColumnDefinition(name: "boot_disk_id", position: 22, type: "uuid", isNullable: true),
        ColumnDefinition(name: "enable_jumbo_frames", position: 25, type: "boolean", isNullable: false),
    ]
}

extension Instance: PostgresRecord {
    /// The columns of the table `instance` that an instance is made of.
    public static let columnNames = columns.map(\.name)

    /// Reads a row of the table `instance`.
    ///
    /// - Throws: `PostgresError` of code `decodingFailed`: unknown label, value out of range, or a state that does not
    ///   go with the active VMM.
    public init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        self.init(
            id: try columns.next(),
            projectID: try columns.next(),
            name: try columns.next(),
            timeCreated: try columns.next(),
            timeModified: try columns.next(),
            timeDeleted: try columns.next(),
            runtime: try InstanceRuntimeState.read(from: &columns),
            intendedState: try columns.next(),
            autoRestartPolicy: try columns.next(),
            autoRestartCooldown: try columns.next(as: Cooldown?.self)?.duration,
            updaterID: try columns.next(),
            updaterGeneration: try columns.next(),
            cpuPlatform: try columns.next()
        )
    }
}

/// The least time between two restarts as its column has it, an `interval`.
struct Cooldown: PostgresCodable, ColumnValue {
    let duration: Duration

    init(_ duration: Duration) {
        self.duration = duration
    }

    static var columnType: String { "interval" }
    static var postgresType: PostgresType { .interval }
    static var postgresArrayType: PostgresType { .intervalArray }

    func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        guard let interval = PostgresInterval(exactly: duration) else {
            throw PostgresError(.encodingFailed, "a cooldown is a whole number of microseconds", nothingWasSent: true)
        }
        interval.encode(to: &encoder)
    }

    static func canDecode(_ type: PostgresType) -> Bool { PostgresInterval.canDecode(type) }

    /// Days count as 24 hours.
    static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Cooldown {
        let interval = try PostgresInterval.decode(bytes, type: type)
        guard interval.months == 0, !interval.isInfinite else {
            throw PostgresError(.decodingFailed, "\(interval) has no fixed length: months have none")
        }
        return Cooldown(.seconds(Int64(interval.days) * 86_400) + .microseconds(interval.microseconds))
    }
}
