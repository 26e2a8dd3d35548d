/// The state of an instance apart from its VMM's; while it has an active VMM, it always names it.
///
/// What users see is an ``ExternalInstanceState``, made from this and the active VMM's state.
public enum InstanceState: Hashable, Sendable {
    /// The instance's row exists, and its resources are still being made.
    case creating

    /// The instance has no VMM: it is stopped.
    case noVMM

    /// The instance has this active VMM, whose state tells more.
    case vmm(VMMID)

    /// The instance's last VMM failed, and it has none now.
    case failed

    /// The instance was deleted.
    case destroyed

    /// An instance state without the VMM, as the database's `instance_state_v2` enum and filters know it.
    public enum Kind: String, Labeled {
        /// The instance's row exists, and its resources are still being made.
        case creating

        /// The instance has no VMM: it is stopped.
        case noVMM = "no_vmm"

        /// The instance has an active VMM.
        case vmm

        /// The instance's last VMM failed, and it has none now.
        case failed

        /// The instance was deleted.
        case destroyed

        /// What error messages call one of these values.
        public static let labelMeaning = "instance state"
    }

    /// The state without the VMM.
    public var kind: Kind {
        switch self {
        case .creating: .creating
        case .noVMM: .noVMM
        case .vmm: .vmm
        case .failed: .failed
        case .destroyed: .destroyed
        }
    }

    /// The active VMM; `nil` unless the state is `vmm`.
    public var activeVMMID: VMMID? {
        if case .vmm(let id) = self { id } else { nil }
    }

    /// Puts a state together from its kind and the active VMM.
    ///
    /// - Parameters:
    ///   - kind: The state without the VMM.
    ///   - activeVMMID: The active VMM; `nil` unless the kind is `vmm`.
    /// - Throws: ``InstanceStateError`` when the state `vmm` comes without a VMM or another one with a VMM.
    public init(kind: Kind, activeVMMID: VMMID?) throws(InstanceStateError) {
        switch (kind, activeVMMID) {
        case (.vmm, let id?): self = .vmm(id)
        case (.vmm, nil): throw .missingActiveVMM
        case (_, let id?): throw .unexpectedActiveVMM(kind, id)
        case (.creating, nil): self = .creating
        case (.noVMM, nil): self = .noVMM
        case (.failed, nil): self = .failed
        case (.destroyed, nil): self = .destroyed
        }
    }
}

/// A kind of instance state and an active VMM that do not belong together.
public enum InstanceStateError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The instance is in state `vmm`, and no active VMM is given.
    case missingActiveVMM

    /// An active VMM is given, and the instance is not in state `vmm`.
    case unexpectedActiveVMM(InstanceState.Kind, VMMID)

    /// A sentence for logs.
    public var description: String {
        switch self {
        case .missingActiveVMM: "an instance in state vmm needs an active VMM"
        case .unexpectedActiveVMM(let kind, let id): "an instance in state \(kind) cannot have the active VMM \(id)"
        }
    }
}
