extension VMMState {
    /// What a sled-agent's state means to the domain: the same, and `failed` is failed because the sled-agent said so.
    public init(_ reported: SledAgent.VMMState) {
        switch reported {
        case .starting: self = .starting
        case .running: self = .running
        case .stopping: self = .stopping
        case .stopped: self = .stopped
        case .rebooting: self = .rebooting
        case .migrating: self = .migrating
        case .failed: self = .failed(.fromSledAgent)
        case .destroyed: self = .destroyed
        }
    }
}

extension VMMRuntimeState {
    /// The domain's form of a sled-agent's runtime state; generation and time are the sled-agent's own.
    public init(_ reported: SledAgent.VMMRuntimeState) {
        self.init(
            state: VMMState(reported.state),
            generation: reported.generation,
            timeUpdated: reported.timeUpdated
        )
    }
}

extension SledVMMState {
    /// The domain's form of a sled-agent's report; live migrations are taken over as they are.
    public init(_ reported: SledAgent.SledVMMState) {
        self.init(
            vmmState: VMMRuntimeState(reported.vmmState),
            migrationIn: reported.migrationIn,
            migrationOut: reported.migrationOut
        )
    }
}

extension SledAgent.VMMState {
    /// The nearest state that a sled-agent knows.
    ///
    /// This loses the reason of a failure. A VMM in state `creating` is on its way to `starting`, and one whose saga
    /// was unwound is as gone as a destroyed one.
    public init(_ state: VMMState) {
        switch state {
        case .creating, .starting: self = .starting
        case .running: self = .running
        case .stopping: self = .stopping
        case .stopped: self = .stopped
        case .rebooting: self = .rebooting
        case .migrating: self = .migrating
        case .failed: self = .failed
        case .destroyed, .sagaUnwound: self = .destroyed
        }
    }
}

extension SledAgent.VMMRuntimeState {
    /// The sled-agent's form of a runtime state, with the nearest state that a sled-agent knows.
    public init(_ runtime: VMMRuntimeState) {
        self.init(
            state: SledAgent.VMMState(runtime.state),
            generation: runtime.generation,
            timeUpdated: runtime.timeUpdated
        )
    }
}

extension SledAgent.SledVMMState {
    /// The sled-agent's form of a report, with the nearest state that a sled-agent knows.
    public init(_ report: SledVMMState) {
        self.init(
            vmmState: SledAgent.VMMRuntimeState(report.vmmState),
            migrationIn: report.migrationIn,
            migrationOut: report.migrationOut
        )
    }
}
