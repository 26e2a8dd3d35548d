public import Postgres
public import VMMModel

/// A closed set of labels that is an enum type of the database, with the same labels in the same order.
protocol DatabaseEnum: Labeled, PostgresEnum, ColumnValue {
    /// The name of the enum type.
    static var enumName: String { get }
}

extension DatabaseEnum {
    static var columnType: String { enumName }

    /// Labels as SQL, for a statement in which they are fixed.
    static func literals(_ values: [Self]) -> String {
        values.map { PostgresQuery.quote(literal: $0.label) }.joined(separator: ", ")
    }
}

extension VMMState.Kind: PostgresEnum, DatabaseEnum {
    static let enumName = "vmm_state"
}

extension VMMFailureReason: PostgresEnum, DatabaseEnum {
    static let enumName = "vmm_failure_reason"
}

extension VMMCPUPlatform: PostgresEnum, DatabaseEnum {
    static let enumName = "vmm_cpu_platform"
}

extension LiveMigrationState: PostgresEnum, DatabaseEnum {
    static let enumName = "migration_state"
}

extension InstanceState.Kind: PostgresEnum, DatabaseEnum {
    static let enumName = "instance_state_v2"
}

extension InstanceIntendedState: PostgresEnum, DatabaseEnum {
    static let enumName = "instance_intended_state"
}

extension InstanceAutoRestartPolicy: PostgresEnum, DatabaseEnum {
    static let enumName = "instance_auto_restart"
}

extension InstanceCPUPlatform: PostgresEnum, DatabaseEnum {
    static let enumName = "instance_cpu_platform"
}
