import Postgres
import Synchronization
import TestSupport

/// A part of a row that has a generation of its own, as the histories name it.
struct GuardedPart: Hashable, Sendable, CustomStringConvertible {
    let description: String

    init(_ kind: String, _ id: some CustomStringConvertible) {
        description = "\(kind) \(id)"
    }
}

/// A clock that all writers share, and their calls.
final class HistoryRecorder: Sendable {
    private let clock = Atomic(0)
    private let confirmed = Atomic(0)
    private let log = Lock<[GuardedPart: [RowCall]]>([:])

    /// The next moment.
    func tick() -> Int { clock.add(1, ordering: .sequentiallyConsistent).newValue }

    func record(_ call: RowCall, of part: GuardedPart) { log.withLock { $0[part, default: []].append(call) } }

    func calls(of part: GuardedPart) -> [RowCall] { log.withLock { $0[part] ?? [] } }

    /// Notes that a call whose answer was lost had taken effect, as its repetition was told.
    func confirmLoss() { confirmed.add(1, ordering: .sequentiallyConsistent) }

    /// How many calls are known to have taken effect although their answer was lost.
    var confirmedLosses: Int { confirmed.load(ordering: .sequentiallyConsistent) }

    /// Every call of every part.
    var allCalls: [RowCall] { log.withLock { $0.values.flatMap(\.self) } }

    /// Who has been told, of a call that began after this moment, that the change was made.
    func callersWithChanges(after moment: Int) -> Set<Int> {
        Set(allCalls.filter { $0.began > moment && $0.isAcknowledged }.map(\.caller))
    }
}

extension RowCall {
    /// Whether the caller was told that the change was made.
    var isAcknowledged: Bool { if case .made = answer { true } else { false } }
}
