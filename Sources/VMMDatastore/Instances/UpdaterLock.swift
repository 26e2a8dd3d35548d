public import VMMModel

/// That an updater holds the lock of an instance: the only proof by which the lock is passed on, used or given back.
///
/// It can be stored with a saga and used by another process.
public struct UpdaterLock: Hashable, Sendable, Codable {
    /// The instance.
    public let instanceID: InstanceID
    /// The holder.
    public let updaterID: UpdaterID
    /// The version of the lock since which it is held: the row's `updater_gen`.
    public let generation: Int64

    /// A lock that was stored.
    public init(instanceID: InstanceID, updaterID: UpdaterID, generation: Int64) {
        self.instanceID = instanceID
        self.updaterID = updaterID
        self.generation = generation
    }

    /// The lock that a row shows; `nil` when nobody holds it.
    public init?(of instance: Instance) {
        guard let updaterID = instance.updaterID else { return nil }
        self.init(instanceID: instance.id, updaterID: updaterID, generation: instance.updaterGeneration)
    }
}

/// What asking for an instance's updater lock came to.
public enum LockOutcome: Hashable, Sendable {
    /// The updater holds the lock, by this call or an earlier one.
    case locked(UpdaterLock)

    /// Another updater holds it.
    case held(by: UpdaterLock)

    /// Nobody holds it: there is nothing to inherit.
    case notHeld(now: Instance)

    /// The instance is marked deleted.
    case deleted(now: Instance)
}

/// What giving an instance's updater lock back came to.
public enum UnlockOutcome: Hashable, Sendable {
    /// The lock was given back by this call.
    case unlocked(before: Instance)

    /// Nobody holds the lock, and it was given back once since this lock was taken: most likely by an earlier call.
    case alreadyUnlocked(now: Instance)

    /// The lock was lost: another updater holds it, or nobody does and others have held it since.
    case notHeld(now: Instance)

    /// The same updater holds a lock that it has taken at another time; that one was left alone.
    case heldAgain(UpdaterLock)

    /// The instance is marked deleted.
    case deleted(now: Instance)
}
