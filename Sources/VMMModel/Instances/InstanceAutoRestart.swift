/// Whether an instance that failed may be restarted without being asked for.
public enum InstanceAutoRestartPolicy: String, Labeled {
    /// Never restart it.
    case never

    /// Restart it when possible, not more often than its cooldown allows.
    case bestEffort = "best_effort"

    /// What error messages call one of these values.
    public static let labelMeaning = "auto-restart policy"
}

/// Whether an instance is to be restarted without being asked for.
public enum InstanceAutoRestart: Hashable, Sendable {
    /// The instance does not need it.
    case notNeeded

    /// The instance needs it, and its policy forbids it.
    case forbidden

    /// The instance needs it, and may be restarted from this time on.
    case coolingDown(until: Timestamp)

    /// The instance needs it and may be restarted now.
    case allowed
}

extension Instance {
    /// The least time between two restarts of an instance that does not say otherwise.
    public static let defaultAutoRestartCooldown = Duration.seconds(300)

    /// Whether the instance is to be restarted without being asked for.
    ///
    /// It needs that when it should run and has failed, or never got to run because its start was unwound. An instance
    /// whose active VMM has failed does not need it yet: first its update must unlink the VMM.
    ///
    /// - Parameters:
    ///   - activeVMM: The state of the active VMM; `nil` when there is none.
    ///   - now: The time at which to decide.
    /// - Returns: The decision, with the time at which a cooldown ends.
    public func autoRestart(activeVMM: VMMState.Kind?, at now: Timestamp) -> InstanceAutoRestart {
        guard needsAutoRestart(activeVMM: activeVMM) else { return .notNeeded }
        guard autoRestartPolicy != .never else { return .forbidden }
        guard let last = runtime.timeLastAutoRestarted else { return .allowed }
        let cooldown = autoRestartCooldown ?? Self.defaultAutoRestartCooldown
        // A cooldown that leads beyond the end of time never ends.
        let end = (try? last.advanced(by: cooldown)) ?? (cooldown < .zero ? .min : .max)
        return end > now ? .coolingDown(until: end) : .allowed
    }

    private func needsAutoRestart(activeVMM: VMMState.Kind?) -> Bool {
        guard timeDeleted == nil, intendedState == .running else { return false }
        switch runtime.state {
        case .failed: return true
        case .vmm: return activeVMM == .sagaUnwound
        case .creating, .noVMM, .destroyed: return false
        }
    }
}
