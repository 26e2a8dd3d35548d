/// A virtual machine monitor: the process on one sled that runs an instance's guest, also known as its propolis.
///
/// An instance has no VMM while it is stopped, one while it runs, and two during a live migration. Everything but
/// ``runtime`` and ``timeDeleted`` is fixed for a VMM's life.
public struct VMM: Hashable, Sendable, Identifiable {
    /// The VMM's own identifier.
    public let id: VMMID

    /// When the row was made.
    public let timeCreated: Timestamp

    /// When the row was marked deleted; `nil` while the VMM counts.
    public var timeDeleted: Timestamp?

    /// The instance that the VMM runs.
    public let instanceID: InstanceID

    /// The sled on which the VMM runs.
    public let sledID: SledID

    /// The address at which the VMM serves its API.
    public let propolisIP: IPAddress

    /// The port at which the VMM serves its API.
    public let propolisPort: UInt16

    /// The CPU that the VMM shows to its guest.
    public let cpuPlatform: VMMCPUPlatform

    /// The state, its generation and its time.
    public var runtime: VMMRuntimeState

    /// The port at which VMMs serve their API unless told otherwise.
    public static let defaultPropolisPort: UInt16 = 12_400

    /// Creates a VMM from all its parts, such as a row of the database.
    ///
    /// For a VMM that does not exist yet, use ``new(id:instanceID:sledID:propolisIP:propolisPort:cpuPlatform:at:)``.
    public init(
        id: VMMID,
        timeCreated: Timestamp,
        timeDeleted: Timestamp?,
        instanceID: InstanceID,
        sledID: SledID,
        propolisIP: IPAddress,
        propolisPort: UInt16,
        cpuPlatform: VMMCPUPlatform,
        runtime: VMMRuntimeState
    ) {
        self.id = id
        self.timeCreated = timeCreated
        self.timeDeleted = timeDeleted
        self.instanceID = instanceID
        self.sledID = sledID
        self.propolisIP = propolisIP
        self.propolisPort = propolisPort
        self.cpuPlatform = cpuPlatform
        self.runtime = runtime
    }

    /// A VMM that is about to be created: in state `creating`, at the first generation, both times now.
    ///
    /// ```swift
    /// let vmm = VMM.new(instanceID: instance, sledID: sled, propolisIP: address, cpuPlatform: .amdMilan)
    /// ```
    ///
    /// - Parameters:
    ///   - id: The VMM's identifier, by default a new one.
    ///   - instanceID: The instance that the VMM will run.
    ///   - sledID: The sled on which it will run.
    ///   - propolisIP: The address at which it will serve its API.
    ///   - propolisPort: The port at which it will serve its API.
    ///   - cpuPlatform: The CPU it will show to its guest.
    ///   - now: When it is created.
    /// - Returns: The VMM, ready to be inserted.
    public static func new(
        id: VMMID = VMMID(),
        instanceID: InstanceID,
        sledID: SledID,
        propolisIP: IPAddress,
        propolisPort: UInt16 = defaultPropolisPort,
        cpuPlatform: VMMCPUPlatform,
        at now: Timestamp = .now()
    ) -> VMM {
        VMM(
            id: id,
            timeCreated: now,
            timeDeleted: nil,
            instanceID: instanceID,
            sledID: sledID,
            propolisIP: propolisIP,
            propolisPort: propolisPort,
            cpuPlatform: cpuPlatform,
            runtime: VMMRuntimeState(state: .creating, generation: .first, timeUpdated: now)
        )
    }
}
