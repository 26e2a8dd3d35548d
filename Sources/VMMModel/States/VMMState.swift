/// The state of a VMM; a failed one always carries its reason.
///
/// In JSON a state is its label, and a failed one is an object that holds the reason's label: `"running"`,
/// `{"failed":"sled_off"}`.
///
/// ```swift
/// switch vmm.runtime.state {
/// case .failed(let reason): logger.warning("VMM failed: \(reason)")
/// case let state: logger.info("VMM is \(state)")
/// }
/// ```
public enum VMMState: Hashable, Sendable {
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

    /// The VMM failed, for this reason.
    case failed(VMMFailureReason)

    /// The VMM was destroyed by its sled-agent.
    case destroyed

    /// A start or a live migration that made the VMM was undone before the VMM ran.
    case sagaUnwound

    /// The reason of the failure; `nil` unless the VMM failed.
    public var failureReason: VMMFailureReason? {
        if case .failed(let reason) = self { reason } else { nil }
    }

    /// The state's label in the database, without the reason.
    public var label: String {
        kind.label
    }

    /// Whether the VMM has failed or was destroyed, and its instance waits for an update because of that.
    public var isTerminal: Bool {
        kind.isTerminal
    }

    /// Whether the VMM failed.
    public var isFailed: Bool {
        kind.isFailed
    }

    /// Whether the VMM's row may be marked deleted once nothing refers to it.
    public var isDestroyable: Bool {
        kind.isDestroyable
    }

    /// Whether a sled-agent may hold a VMM in this state, so that asking the sled about it makes sense.
    ///
    /// That includes failed ones: a VMM may have been found failed for reasons its sled-agent does not know of.
    public var existsOnSled: Bool {
        kind.existsOnSled
    }
}

extension VMMState: CustomStringConvertible {
    /// The label, and behind that of a failed state the label of its reason: `failed(sled_off)`.
    public var description: String {
        failureReason.map { "\(label)(\($0.label))" } ?? label
    }
}
