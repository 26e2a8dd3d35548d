/// The state of an instance as users see it.
///
/// `repairing` is part of the external interface and is never the result of ``effective(instance:isMigrating:activeVMM:)``.
public enum ExternalInstanceState: String, Labeled {
    /// The instance is being made.
    case creating

    /// The instance is starting.
    case starting

    /// The instance is running.
    case running

    /// The instance is stopping, or has stopped and cannot be started yet.
    case stopping

    /// The instance is stopped and can be started.
    case stopped

    /// The guest is rebooting.
    case rebooting

    /// The instance is moving to another VMM.
    case migrating

    /// The instance is being repaired.
    case repairing

    /// The instance failed and can be started.
    case failed

    /// The instance was deleted.
    case destroyed

    /// What error messages call one of these values.
    public static let labelMeaning = "external instance state"
}

extension ExternalInstanceState {
    /// The state that users see, for every combination of what is known inside.
    ///
    /// Only the state `vmm` looks at the VMM. An instance shows as startable, that is stopped or failed, only when a
    /// start could go ahead: not while a VMM that has ended is still linked to it, but when that VMM was unwound. While
    /// a live migration is linked, nothing but its outcome decides where the instance is, so it shows as migrating.
    ///
    /// Combinations that the database rules out still have an answer, because instance and VMM may have been read at
    /// different times: state `vmm` without a live VMM is stopped, and any other state ignores a VMM.
    ///
    /// - Parameters:
    ///   - instance: The instance's own state.
    ///   - isMigrating: Whether a live migration is linked to the instance.
    ///   - activeVMM: The state of its active VMM; `nil` when it has none, or none that is not deleted.
    /// - Returns: The state to show.
    public static func effective(
        instance: InstanceState.Kind,
        isMigrating: Bool,
        activeVMM: VMMState.Kind?
    ) -> ExternalInstanceState {
        switch (instance, activeVMM) {
        case (.creating, _): .creating
        case (.noVMM, _): .stopped
        case (.failed, _): .failed
        case (.destroyed, _): .destroyed
        case (.vmm, nil): .stopped
        case (.vmm, let vmm?): isMigrating ? .migrating : effective(activeVMM: vmm)
        }
    }

    private static func effective(activeVMM: VMMState.Kind) -> ExternalInstanceState {
        switch activeVMM {
        case .creating, .starting: .starting
        case .running: .running
        case .stopping, .stopped, .failed, .destroyed: .stopping
        case .rebooting: .rebooting
        case .migrating: .migrating
        case .sagaUnwound: .failed
        }
    }
}

extension Instance {
    /// The state that users see.
    ///
    /// - Parameter activeVMM: The instance's active VMM; `nil` when it has none, or none that is not deleted.
    /// - Returns: The state to show.
    public func externalState(activeVMM: VMM?) -> ExternalInstanceState {
        .effective(
            instance: runtime.state.kind,
            isMigrating: runtime.liveMigrationID != nil,
            activeVMM: activeVMM?.runtime.state.kind
        )
    }

    /// The time that users see beside the state: the active VMM's last change, or the instance's when it has none.
    ///
    /// - Parameter activeVMM: The instance's active VMM; `nil` when it has none, or none that is not deleted.
    /// - Returns: The time to show.
    public func externalTimeUpdated(activeVMM: VMM?) -> Timestamp {
        activeVMM?.runtime.timeUpdated ?? runtime.timeUpdated
    }
}
