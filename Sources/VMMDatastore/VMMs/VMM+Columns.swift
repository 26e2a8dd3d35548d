public import Postgres
public import VMMModel

extension VMM: InsertableRow {
    static let tableName = "vmm"

    /// The columns of the row that never change, and the mark of deletion.
    private static let fixedColumns: [BoundColumn<VMM>] = [
        BoundColumn("id", at: 1) { $0.id },
        BoundColumn("time_created", at: 2) { $0.timeCreated },
        BoundColumn("time_deleted", at: 3) { $0.timeDeleted },
        BoundColumn("instance_id", at: 4) { $0.instanceID },
        BoundColumn("sled_id", at: 7) { $0.sledID },
        BoundColumn("propolis_ip", at: 8) { $0.propolisIP },
        BoundColumn("propolis_port", at: 9) { PortNumber($0.propolisPort) },
        BoundColumn("cpu_platform", at: 11) { $0.cpuPlatform },
    ]

    /// All columns, in the order in which they are read.
    static let columns = fixedColumns + BoundColumn<VMM>.columns(VMMRuntimeState.columns) { $0.runtime }
}

extension VMM: PostgresRecord {
    /// The columns of the table `vmm` that a VMM is made of.
    public static let columnNames = columns.map(\.name)

    /// Reads a row of the table `vmm`.
    ///
    /// A failed VMM without a reason, which can exist only before the database's constraint, reads as failed for the
    /// reason ``VMMFailureReason/prehistoric``.
    ///
    /// - Throws: `PostgresError` of code `decodingFailed`: unknown label, value out of range, or a failure reason on a
    ///   VMM that did not fail.
    public init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        let stored = try StoredVMM(from: &columns)
        if case .unexpectedReason? = stored.anomaly {
            throw PostgresError(.decodingFailed, stored.anomaly?.description ?? "")
        }
        self = stored.vmm
    }
}

/// A VMM's row as it stands, even where state and failure reason do not belong together.
///
/// For operators who look for what is wrong; services use `VMM`.
public struct StoredVMM: Hashable, Sendable, Identifiable, IdentifiedEntity {
    /// The VMM; where ``anomaly`` says that its state cannot be, the state without the reason.
    public let vmm: VMM
    /// What is wrong with the row's state; `nil` for nearly all rows.
    public let anomaly: VMMStateAnomaly?

    /// The VMM's identifier.
    public var id: VMMID { vmm.id }

    /// What messages call a VMM.
    public static let entityName = VMM.entityName
}

extension StoredVMM: StoredRow {
    static let tableName = VMM.tableName
    var timeDeleted: Timestamp? { vmm.timeDeleted }

    /// The columns of the table `vmm` that a VMM is made of.
    public static let columnNames = VMM.columnNames

    /// Reads a row of the table `vmm`.
    ///
    /// - Throws: `PostgresError` of code `decodingFailed`: unknown label, or value out of range.
    public init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        let id: VMMID = try columns.next()
        let timeCreated: Timestamp = try columns.next()
        let timeDeleted: Timestamp? = try columns.next()
        let instanceID: InstanceID = try columns.next()
        let sledID: SledID = try columns.next()
        let propolisIP: IPAddress = try columns.next()
        let propolisPort: PortNumber = try columns.next()
        let cpuPlatform: VMMCPUPlatform = try columns.next()
        let (runtime, anomaly) = try VMMRuntimeState.read(from: &columns)
        vmm = VMM(
            id: id,
            timeCreated: timeCreated,
            timeDeleted: timeDeleted,
            instanceID: instanceID,
            sledID: sledID,
            propolisIP: propolisIP,
            propolisPort: propolisPort.port,
            cpuPlatform: cpuPlatform,
            runtime: runtime
        )
        self.anomaly = anomaly
    }
}
