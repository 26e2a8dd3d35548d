/// What somebody who asked about a VMM, or was told about it, got to see.
///
/// ```swift
/// switch VMMObservation.unreachable(sledPower: .off).conclusion {
/// case .reported(let report): print("the sled-agent says", report.vmmState.state)
/// case .failed(let reason): print("failed:", reason)
/// case .unchanged(let check): print("no news:", check.label)
/// }
/// ```
public enum VMMObservation: Hashable, Sendable {
    /// Whether the computer of a sled is switched on, as its service processor tells.
    public enum SledPower: Hashable, Sendable, CaseIterable {
        /// The sled is in power state A0.
        case on

        /// The sled is in any other power state.
        case off

        /// Nobody was asked, or nobody could tell.
        case unknown
    }

    /// The sled-agent pushed a report, or answered with one.
    case reported(SledAgent.SledVMMState)

    /// The policy of the VMM's sled is *expunged*; the sled-agent need not be asked.
    case sledExpunged

    /// The sled-agent answered with an HTTP error, whose body may carry an error code.
    case errorResponse(status: Int, code: String?)

    /// The sled-agent could not be reached.
    case unreachable(sledPower: SledPower)

    /// The request failed in any other way, such as an answer that could not be understood.
    case clientError

    /// The error code with which a sled-agent says, in a 404, that it does not know a VMM.
    public static let noSuchInstanceCode = "NO_SUCH_INSTANCE"
}

extension VMMObservation {
    /// What follows from an observation.
    public enum Conclusion: Hashable, Sendable {
        /// The VMM is what its sled-agent says, at the sled-agent's own generation.
        case reported(SledVMMState)

        /// The VMM failed, for this reason.
        case failed(VMMFailureReason)

        /// Nothing is known that was not known before.
        case unchanged(IncompleteCheck)
    }

    /// Why an observation says nothing about its VMM.
    public enum IncompleteCheck: Hashable, Sendable {
        /// The sled-agent answered with an HTTP error that does not mean that the VMM is gone.
        case errorResponse(status: Int)

        /// The sled-agent could not be reached, and its sled is not known to be off.
        case unreachable

        /// The request failed in another way.
        case clientError

        /// The label for metrics: the HTTP status as text, `unreachable` or `client_error`.
        public var label: String {
            switch self {
            case .errorResponse(let status): String(status)
            case .unreachable: "unreachable"
            case .clientError: "client_error"
            }
        }
    }

    /// What follows from the observation, by itself and without a look at the VMM's row.
    ///
    /// A VMM is gone only by a 404 that carries ``noSuchInstanceCode``; either of them alone may come from something
    /// in between. A sled that does not answer is only known to be lost when its power is known to be off.
    public var conclusion: Conclusion {
        switch self {
        case .reported(let report): .reported(SledVMMState(report))
        case .sledExpunged: .failed(.sledExpunged)
        case .errorResponse(404, Self.noSuchInstanceCode): .failed(.noSuchInstance)
        case .errorResponse(let status, _): .unchanged(.errorResponse(status: status))
        case .unreachable(.off): .failed(.sledOff)
        case .unreachable(.on), .unreachable(.unknown): .unchanged(.unreachable)
        case .clientError: .unchanged(.clientError)
        }
    }
}
