import Foundation

/// The few threads that make the calls libpq can only do blocking: name resolution and, before libpq 17, `PQcancel`.
final class BlockingCalls: Sendable {
    /// Name resolution.
    static let resolution = BlockingCalls("postgres-resolving")
    /// `PQcancel`; apart, so that a resolver that hangs keeps no cancel request waiting.
    static let cancellation = BlockingCalls("postgres-cancelling")

    private let queue = OperationQueue()

    private init(_ name: String) {
        queue.name = name
        // More would only let a broken resolver hold more threads.
        queue.maxConcurrentOperationCount = 4
    }

    /// Whether cancelling the task ends the wait.
    enum Cancellation {
        case endsWait
        case isIgnored
    }

    /// Runs `call` on a helper thread and returns its value, or nil when the deadline or a cancellation came first.
    ///
    /// A late call is not stopped: it ends by itself, and its value is dropped on the helper thread.
    func run<Value: Sendable>(
        until deadline: MonotonicTime?,
        _ cancellation: Cancellation = .isIgnored,
        isolation: isolated any Actor,
        _ call: @escaping @Sendable () -> Value
    ) async -> Value? {
        let answer = Answer<Value>()
        return await withTaskCancellationHandler {
            await withCheckedContinuation(isolation: isolation) { continuation in
                answer.expect(continuation)
                queue.addOperation { answer.give(call()) }
                if let deadline {
                    let delay = max(0.001, deadline.remaining() / .seconds(1))
                    DispatchQueue.global().asyncAfter(deadline: .now() + delay) { answer.give(nil) }
                }
                if cancellation == .endsWait, Task.isCancelled { answer.give(nil) }
            }
        } onCancel: {
            if cancellation == .endsWait { answer.give(nil) }
        }
    }

    /// Resumes its continuation with whichever value is given first.
    private final class Answer<Value: Sendable>: Sendable {
        private let continuation = Lock<CheckedContinuation<Value?, Never>?>(nil)

        func expect(_ newContinuation: CheckedContinuation<Value?, Never>) {
            continuation.withLock { $0 = newContinuation }
        }

        func give(_ value: Value?) {
            let waiting = continuation.withLock { continuation in
                defer { continuation = nil }
                return continuation
            }
            waiting?.resume(returning: value)
        }
    }
}
