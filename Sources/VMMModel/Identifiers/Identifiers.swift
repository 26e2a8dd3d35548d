/// The identifier of a VMM, also called its Propolis ID.
public typealias VMMID = TypedID<VMM>

/// The identifier of an instance.
public typealias InstanceID = TypedID<Instance>

/// The identifier of a live migration of an instance from one VMM to another.
public typealias LiveMigrationID = TypedID<LiveMigration>

/// The identifier of a sled, the machine on which VMMs run.
public typealias SledID = TypedID<Sled>

/// The identifier of a project, the owner of instances.
public typealias ProjectID = TypedID<Project>

/// The identifier of whoever holds an instance's updater lock.
public typealias UpdaterID = TypedID<Updater>

extension VMM: IdentifiedEntity {
    /// What messages call a VMM.
    public static let entityName = "VMM"
}

extension Instance: IdentifiedEntity {
    /// What messages call an instance.
    public static let entityName = "instance"
}

extension LiveMigration: IdentifiedEntity {
    /// What messages call a live migration.
    public static let entityName = "live migration"
}

/// A machine of the rack on which VMMs run; here only known by its ``SledID``.
public enum Sled: IdentifiedEntity {
    /// What messages call a sled.
    public static let entityName = "sled"
}

/// The owner of a set of instances; here only known by its ``ProjectID``.
public enum Project: IdentifiedEntity {
    /// What messages call a project.
    public static let entityName = "project"
}

/// A holder of an instance's updater lock; here only known by its ``UpdaterID``.
public enum Updater: IdentifiedEntity {
    /// What messages call the holder of an updater lock.
    public static let entityName = "updater"
}
