import Synchronization

/// Counts from several threads.
final class Counter: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }

    /// Counts one more; gives the new count.
    func next() -> Int {
        count.wrappingAdd(1, ordering: .relaxed).newValue
    }
}
