import VMMDatastore
import VMMModel

/// A VMM as the command's JSON has it; each field is always there, as null where there is nothing.
struct VMMReport: Encodable {
    let vmm: VMM
    /// What is wrong with the row's state.
    let anomaly: VMMStateAnomaly?

    init(stored: StoredVMM) {
        vmm = stored.vmm
        anomaly = stored.anomaly
    }

    /// Of a VMM that was read as one that can be.
    init(_ vmm: VMM) {
        self.vmm = vmm
        anomaly = nil
    }

    private enum CodingKeys: String, CodingKey {
        case id
        case state
        case failureReason = "failure_reason"
        case failureDescription = "failure_description"
        case generation
        case updatedAt = "updated_at"
        case createdAt = "created_at"
        case deletedAt = "deleted_at"
        case instanceID = "instance_id"
        case sledID = "sled_id"
        case propolisIP = "propolis_ip"
        case propolisPort = "propolis_port"
        case cpuPlatform = "cpu_platform"
        case warnings
    }

    /// The reason that the row has; what only stands in for a missing one is none.
    var reason: VMMFailureReason? {
        switch anomaly {
        case nil: vmm.runtime.state.failureReason
        case .missingReason: nil
        case .unexpectedReason(_, let reason): reason
        }
    }

    var warnings: [String] {
        anomaly.map { [$0.description] } ?? []
    }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(vmm.id, forKey: .id)
        try object.encode(vmm.runtime.state.kind, forKey: .state)
        try object.encode(reason, forKey: .failureReason)
        try object.encode(reason?.description, forKey: .failureDescription)
        try object.encode(vmm.runtime.generation, forKey: .generation)
        try object.encode(vmm.runtime.timeUpdated, forKey: .updatedAt)
        try object.encode(vmm.timeCreated, forKey: .createdAt)
        try object.encode(vmm.timeDeleted, forKey: .deletedAt)
        try object.encode(vmm.instanceID, forKey: .instanceID)
        try object.encode(vmm.sledID, forKey: .sledID)
        try object.encode(vmm.propolisIP, forKey: .propolisIP)
        try object.encode(vmm.propolisPort, forKey: .propolisPort)
        try object.encode(vmm.cpuPlatform, forKey: .cpuPlatform)
        try object.encode(warnings, forKey: .warnings)
    }
}
