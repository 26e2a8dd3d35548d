/// The CPU that an instance asks for.
public enum InstanceCPUPlatform: String, Labeled {
    /// An AMD Milan; every known family of sleds can show it.
    case amdMilan = "amd_milan"

    /// An AMD Turin.
    case amdTurin = "amd_turin"

    /// The second version of the AMD Turin platform.
    case amdTurinV2 = "amd_turin_v2"

    /// What error messages call one of these values.
    public static let labelMeaning = "instance CPU platform"
}

/// The CPU that a VMM shows to its guest.
public enum VMMCPUPlatform: String, Labeled {
    /// Whatever the sled has; a guest that saw it cannot move to a sled that differs.
    case sledDefault = "sled_default"

    /// An AMD Milan.
    case amdMilan = "amd_milan"

    /// An AMD Turin.
    case amdTurin = "amd_turin"

    /// The second version of the AMD Turin platform.
    case amdTurinV2 = "amd_turin_v2"

    /// What error messages call one of these values.
    public static let labelMeaning = "VMM CPU platform"

    /// The platform that gives an instance the CPU it asks for.
    public init(_ platform: InstanceCPUPlatform) {
        switch platform {
        case .amdMilan: self = .amdMilan
        case .amdTurin: self = .amdTurin
        case .amdTurinV2: self = .amdTurinV2
        }
    }

    /// The families of sleds that can run a VMM of this platform; `nil` when the platform does not tell.
    public var compatibleSledFamilies: Set<SledCPUFamily>? {
        switch self {
        case .sledDefault: nil
        case .amdMilan: [.amdMilan, .amdTurin, .amdTurinDense]
        case .amdTurin, .amdTurinV2: [.amdTurin, .amdTurinDense]
        }
    }
}

/// The family of the CPUs that a sled has.
public enum SledCPUFamily: Hashable, Sendable, CaseIterable {
    /// AMD Milan.
    case amdMilan

    /// AMD Turin.
    case amdTurin

    /// AMD Turin Dense, with the smaller cores.
    case amdTurinDense
}
