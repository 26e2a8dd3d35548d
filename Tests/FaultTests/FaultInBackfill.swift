import SchemaMigrations
import TestSupport

/// Does something at the first progress of a backfill, beside it.
final class FaultInBackfill: Sendable {
    private let fault: @Sendable () async throws -> Void
    private let begun = Counter()
    private let (stream, continuation) = AsyncStream.makeStream(of: Result<Void, any Error>.self)

    init(_ fault: @escaping @Sendable () async throws -> Void) {
        self.fault = fault
    }

    func see(_ event: MigrationEvent) {
        guard case .stepProgress = event, begun.next() == 1 else { return }
        Task { [fault, continuation] in
            do {
                try await fault()
                continuation.yield(.success(()))
            } catch {
                continuation.yield(.failure(error))
            }
        }
    }

    /// Until it is done; throws what it threw.
    func wait() async throws {
        for await result in stream { return try result.get() }
    }
}
