extension VMMState {
    /// A VMM state without the reason of a failure, as the database's `vmm_state` enum and filters know it.
    public enum Kind: String, Labeled {
        /// The VMM's row exists and no sled-agent has acknowledged it yet.
        case creating

        /// The sled-agent is starting the VMM.
        case starting

        /// The guest is running.
        case running

        /// The VMM is shutting down.
        case stopping

        /// The VMM has shut down and still exists on its sled.
        case stopped

        /// The guest is rebooting.
        case rebooting

        /// The VMM is the source or the target of a live migration.
        case migrating

        /// The VMM failed.
        case failed

        /// The VMM was destroyed by its sled-agent.
        case destroyed

        /// A start or a live migration that made the VMM was undone before the VMM ran.
        case sagaUnwound = "saga_unwound"

        /// What error messages call one of these values.
        public static let labelMeaning = "VMM state"
    }

    /// The state without the reason of a failure.
    public var kind: Kind {
        switch self {
        case .creating: .creating
        case .starting: .starting
        case .running: .running
        case .stopping: .stopping
        case .stopped: .stopped
        case .rebooting: .rebooting
        case .migrating: .migrating
        case .failed: .failed
        case .destroyed: .destroyed
        case .sagaUnwound: .sagaUnwound
        }
    }

    /// Puts a state together from its kind and the reason of its failure.
    ///
    /// - Parameters:
    ///   - kind: The state without the reason.
    ///   - failureReason: The reason; `nil` unless the kind is `failed`.
    /// - Throws: ``VMMStateError`` when a failed state comes without a reason or another one with a reason.
    public init(kind: Kind, failureReason: VMMFailureReason?) throws(VMMStateError) {
        switch (kind, failureReason) {
        case (.failed, let reason?): self = .failed(reason)
        case (.failed, nil): throw .missingFailureReason
        case (_, let reason?): throw .unexpectedFailureReason(kind, reason)
        case (.creating, nil): self = .creating
        case (.starting, nil): self = .starting
        case (.running, nil): self = .running
        case (.stopping, nil): self = .stopping
        case (.stopped, nil): self = .stopped
        case (.rebooting, nil): self = .rebooting
        case (.migrating, nil): self = .migrating
        case (.destroyed, nil): self = .destroyed
        case (.sagaUnwound, nil): self = .sagaUnwound
        }
    }
}

extension VMMState.Kind {
    /// The states for which ``isTerminal`` holds, in the order of the database's enum.
    public static let terminal = allCases.filter(\.isTerminal)

    /// The states for which ``isDestroyable`` holds, in the order of the database's enum.
    public static let destroyable = allCases.filter(\.isDestroyable)

    /// The states for which ``existsOnSled`` does not hold, in the order of the database's enum.
    public static let absentFromSled = allCases.filter { !$0.existsOnSled }

    /// Whether the VMM has failed or was destroyed, and its instance waits for an update because of that.
    public var isTerminal: Bool {
        switch self {
        case .failed, .destroyed: true
        case .creating, .starting, .running, .stopping, .stopped, .rebooting, .migrating, .sagaUnwound: false
        }
    }

    /// Whether the VMM failed.
    public var isFailed: Bool {
        self == .failed
    }

    /// Whether the VMM's row may be marked deleted once nothing refers to it.
    public var isDestroyable: Bool {
        switch self {
        case .failed, .destroyed, .sagaUnwound: true
        case .creating, .starting, .running, .stopping, .stopped, .rebooting, .migrating: false
        }
    }

    /// Whether a sled-agent may hold a VMM in this state, so that asking the sled about it makes sense.
    public var existsOnSled: Bool {
        switch self {
        case .starting, .running, .stopping, .stopped, .rebooting, .migrating, .failed: true
        case .creating, .destroyed, .sagaUnwound: false
        }
    }
}

/// A kind of VMM state and a failure reason that do not belong together.
public enum VMMStateError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The VMM failed, and no reason is given.
    case missingFailureReason

    /// A reason is given, and the VMM did not fail.
    case unexpectedFailureReason(VMMState.Kind, VMMFailureReason)

    /// A sentence for logs.
    public var description: String {
        switch self {
        case .missingFailureReason:
            "a VMM in state failed needs a failure reason"
        case .unexpectedFailureReason(let kind, let reason):
            "a VMM in state \(kind.label) cannot have the failure reason \(reason.label)"
        }
    }
}
