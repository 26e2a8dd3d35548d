import Dispatch
import Glibc
import Synchronization

/// SIGINT and SIGTERM: the first one asks the work to stop, the second one ends the process.
enum InterruptSignals {
    /// Runs `body` in a task that the first signal cancels.
    ///
    /// The process is ended by `_exit` rather than by the signal itself, which has no effect on the first process of
    /// a container.
    static func cancelling<Value: Sendable>(
        notice: @escaping @Sendable () -> Void,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let task = Task { try await body() }
        let counter = Counter()
        let sources = [SIGINT, SIGTERM].map { number in
            _ = signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInitiated))
            source.setEventHandler {
                guard counter.increment() == 1 else { _exit(128 + number) }
                notice()
                task.cancel()
            }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        return try await task.value
    }

    private final class Counter: Sendable {
        private let value = Atomic(0)

        func increment() -> Int {
            value.wrappingAdd(1, ordering: .relaxed).newValue
        }
    }
}
