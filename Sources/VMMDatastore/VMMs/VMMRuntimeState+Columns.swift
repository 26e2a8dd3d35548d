import Postgres
public import VMMModel

// Everything that the runtime state of a VMM has to do with columns is in this file: their names, what is bound to them
// and how they are read. It is also the only place where the two columns of the state meet the one type `VMMState`.

extension VMMRuntimeState {
    /// The columns, in the order in which they are read.
    ///
    /// The reason is bound for each state, as NULL where there is none: a VMM that leaves `failed` loses its reason.
    static let columns: [BoundColumn<VMMRuntimeState>] = [
        BoundColumn("state", at: 10) { $0.state.kind },
        BoundColumn("failure_reason", at: 12) { $0.state.failureReason },
        BoundColumn("state_generation", at: 6) { $0.generation },
        BoundColumn("time_state_updated", at: 5) { $0.timeUpdated },
    ]

    /// Reads the columns, even when state and reason do not belong together.
    static func read(
        from columns: inout PostgresRecordColumns
    ) throws(PostgresError) -> (runtime: VMMRuntimeState, anomaly: VMMStateAnomaly?) {
        let kind: VMMState.Kind = try columns.next()
        let reason: VMMFailureReason? = try columns.next()
        let (state, anomaly) = try state(kind, reason)
        let runtime = VMMRuntimeState(
            state: state,
            generation: try columns.next(),
            timeUpdated: try columns.next()
        )
        return (runtime, anomaly)
    }

    /// The state that the two columns mean, and what is wrong with them.
    ///
    /// Of a reason without a failure the state is what the row says; whoever must not see that looks at the anomaly.
    private static func state(
        _ kind: VMMState.Kind,
        _ reason: VMMFailureReason?
    ) throws(PostgresError) -> (VMMState, VMMStateAnomaly?) {
        let effectiveReason = kind == .failed ? reason ?? .prehistoric : nil
        let anomaly: VMMStateAnomaly? =
            reason == effectiveReason ? nil : reason.map { .unexpectedReason(kind, $0) } ?? .missingReason
        do throws(VMMStateError) {
            return (try VMMState(kind: kind, failureReason: effectiveReason), anomaly)
        } catch {
            throw PostgresError(.decodingFailed, error.description)
        }
    }
}

extension VMMRuntimeState: Guarded {}

extension GuardedUpdate where Row == VMM, Part == VMMRuntimeState {
    /// The update of a VMM's runtime state.
    static let vmmRuntime = GuardedUpdate(
        \VMM.runtime,
        guardColumn: "state_generation",
        columns: VMMRuntimeState.columns
    )
}

/// A state and a failure reason of a VMM's row that do not belong together.
///
/// The database refuses both once its check constraint is in place.
public enum VMMStateAnomaly: Error, Hashable, Sendable, CustomStringConvertible {
    /// The VMM failed, and the row has no reason: it was written by a service that does not know of reasons.
    ///
    /// The state reads as failed for the reason `prehistoric`.
    case missingReason

    /// The row has a reason, and the VMM did not fail; there is no such `VMMState`.
    case unexpectedReason(VMMState.Kind, VMMFailureReason)

    /// A sentence for operators.
    public var description: String {
        switch self {
        case .missingReason: "the VMM failed, and its row has no failure reason"
        case .unexpectedReason(let kind, let reason): "\(VMMStateError.unexpectedFailureReason(kind, reason))"
        }
    }
}
