/// A virtual machine as its owner knows it, which lives on while its VMMs come and go.
///
/// Only what concerns its life is here, not its disks, its network or its size.
public struct Instance: Hashable, Sendable, Identifiable {
    /// The instance's own identifier.
    public let id: InstanceID

    /// The project that owns the instance.
    public let projectID: ProjectID

    /// The name, unique among the project's instances that are not deleted.
    public var name: String

    /// When the row was made.
    public let timeCreated: Timestamp

    /// When the owner last changed the instance.
    public var timeModified: Timestamp

    /// When the instance was deleted; `nil` while it exists.
    public var timeDeleted: Timestamp?

    /// The state, its generation and its time, and what goes with them.
    public var runtime: InstanceRuntimeState

    /// What the owner, or the guest itself, wants the instance to be.
    public var intendedState: InstanceIntendedState

    /// Whether the instance may be restarted without being asked for; `nil` means the default policy.
    public var autoRestartPolicy: InstanceAutoRestartPolicy?

    /// The least time between two such restarts; `nil` means the default.
    public var autoRestartCooldown: Duration?

    /// The holder of the updater lock; `nil` when nobody holds it.
    public var updaterID: UpdaterID?

    /// The version of the updater lock; it grows by one whenever the holder changes.
    ///
    /// 1 for a new instance. No ``Generation``: the column's default is 0, and nobody mints these but the database.
    public var updaterGeneration: Int64

    /// The CPU that the instance asks for; `nil` when any will do.
    public var cpuPlatform: InstanceCPUPlatform?

    /// Creates an instance from all its parts, such as a row of the database.
    ///
    /// For an instance that does not exist yet, use ``new(id:projectID:name:startRequested:cpuPlatform:at:)``.
    public init(
        id: InstanceID,
        projectID: ProjectID,
        name: String,
        timeCreated: Timestamp,
        timeModified: Timestamp,
        timeDeleted: Timestamp?,
        runtime: InstanceRuntimeState,
        intendedState: InstanceIntendedState,
        autoRestartPolicy: InstanceAutoRestartPolicy?,
        autoRestartCooldown: Duration?,
        updaterID: UpdaterID?,
        updaterGeneration: Int64,
        cpuPlatform: InstanceCPUPlatform?
    ) {
        self.id = id
        self.projectID = projectID
        self.name = name
        self.timeCreated = timeCreated
        self.timeModified = timeModified
        self.timeDeleted = timeDeleted
        self.runtime = runtime
        self.intendedState = intendedState
        self.autoRestartPolicy = autoRestartPolicy
        self.autoRestartCooldown = autoRestartCooldown
        self.updaterID = updaterID
        self.updaterGeneration = updaterGeneration
        self.cpuPlatform = cpuPlatform
    }

    /// An instance that is about to be created: in state `creating`, unlocked, both generations the first.
    ///
    /// - Parameters:
    ///   - id: The instance's identifier, by default a new one.
    ///   - projectID: The project that owns the instance.
    ///   - name: The name, unique in the project.
    ///   - startRequested: Whether the instance is to run once created; otherwise it is to be stopped.
    ///   - cpuPlatform: The CPU that the instance asks for, if any.
    ///   - now: When it is created.
    /// - Returns: The instance, ready to be inserted.
    public static func new(
        id: InstanceID = InstanceID(),
        projectID: ProjectID,
        name: String,
        startRequested: Bool,
        cpuPlatform: InstanceCPUPlatform? = nil,
        at now: Timestamp = .now()
    ) -> Instance {
        Instance(
            id: id,
            projectID: projectID,
            name: name,
            timeCreated: now,
            timeModified: now,
            timeDeleted: nil,
            runtime: InstanceRuntimeState(state: .creating, generation: .first, timeUpdated: now),
            intendedState: startRequested ? .running : .stopped,
            autoRestartPolicy: nil,
            autoRestartCooldown: nil,
            updaterID: nil,
            updaterGeneration: 1,
            cpuPlatform: cpuPlatform
        )
    }
}
