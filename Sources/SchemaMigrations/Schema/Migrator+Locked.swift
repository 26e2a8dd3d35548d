import Postgres

extension Migrator {
    /// Runs `body` as the one runner: under the lock, with the bookkeeping in place and a fencing token of its own.
    func asRunner<Value: Sendable>(
        _ report: @Sendable (MigrationEvent) -> Void,
        _ body: (PostgresConnection, FencingToken, MigrationLock) async throws -> Value
    ) async throws -> Value {
        try await onConnection { connection in
            let lock = try await MigrationLock.acquire(
                configuration,
                store: store,
                patience: options.lockWait,
                report: report
            )
            do {
                try await store.create(connection)
                let token = try await takeToken(connection)
                let value = try await body(connection, token, lock)
                await lock.release()
                return value
            } catch {
                await lock.release()
                throw error
            }
        }
    }

    /// Lends an observer of locks to `body`, and closes it.
    func withObserver<Value: Sendable>(_ body: (LockObserver) async throws -> Value) async throws -> Value {
        let observer = LockObserver(configuration, control: store.control)
        do {
            let value = try await body(observer)
            await observer.close()
            return value
        } catch {
            await observer.close()
            throw error
        }
    }
}
